BEGIN TRANSACTION;
CREATE TABLE quantgate_accepted (
	id INTEGER NOT NULL, 
	model TEXT NOT NULL, 
	quantity TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	who TEXT NOT NULL, 
	at_us BIGINT NOT NULL, 
	until TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (model, quantity, who, at_us)
);
INSERT INTO "quantgate_accepted" VALUES(1,'ssd','min_speedup','faster head','A <a@b.example>',1767232800000000,'2027-01-01');
CREATE TABLE quantgate_models (
	run_id INTEGER NOT NULL, 
	model TEXT NOT NULL, 
	digests_id INTEGER NOT NULL, 
	entry_id INTEGER NOT NULL, 
	PRIMARY KEY (run_id, model), 
	FOREIGN KEY(run_id) REFERENCES quantgate_runs (id), 
	FOREIGN KEY(digests_id) REFERENCES quantgate_texts (id), 
	FOREIGN KEY(entry_id) REFERENCES quantgate_texts (id)
)
 WITHOUT ROWID

;
INSERT INTO "quantgate_models" VALUES(1,'digits',6,8);
INSERT INTO "quantgate_models" VALUES(1,'ssd',7,9);
INSERT INTO "quantgate_models" VALUES(2,'digits',6,8);
INSERT INTO "quantgate_models" VALUES(2,'ssd',7,9);
INSERT INTO "quantgate_models" VALUES(3,'digits',6,8);
INSERT INTO "quantgate_models" VALUES(3,'ssd',7,9);
CREATE TABLE quantgate_numbers (
	series_id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	value DOUBLE, 
	low DOUBLE, 
	high DOUBLE, 
	n BIGINT, 
	unit TEXT, 
	"of" TEXT, 
	outcome TEXT NOT NULL, 
	threshold DOUBLE, 
	segment_id INTEGER NOT NULL, 
	duration_s DOUBLE NOT NULL, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (series_id, run_id), 
	FOREIGN KEY(series_id) REFERENCES quantgate_series (id), 
	FOREIGN KEY(run_id) REFERENCES quantgate_runs (id), 
	FOREIGN KEY(segment_id) REFERENCES quantgate_texts (id)
)
 WITHOUT ROWID

;
INSERT INTO "quantgate_numbers" VALUES(1,1,NULL,NULL,NULL,NULL,NULL,NULL,'undecided',0.9,1,0.1,'not measured');
INSERT INTO "quantgate_numbers" VALUES(1,2,NULL,NULL,NULL,NULL,NULL,NULL,'undecided',0.9,1,0.1,'not measured');
INSERT INTO "quantgate_numbers" VALUES(1,3,NULL,NULL,NULL,NULL,NULL,NULL,'undecided',0.9,1,0.1,'not measured');
INSERT INTO "quantgate_numbers" VALUES(2,1,0.27,0.27,0.27,1,'','models','passed',0.4,2,0.0,'');
INSERT INTO "quantgate_numbers" VALUES(2,2,0.27,0.27,0.27,1,'','models','passed',0.4,2,0.0,'');
INSERT INTO "quantgate_numbers" VALUES(2,3,0.27,0.27,0.27,1,'','models','passed',0.4,2,0.0,'');
INSERT INTO "quantgate_numbers" VALUES(3,1,1.3,1.25,1.35,12,'','rounds','passed',1.2,3,4.25,'');
INSERT INTO "quantgate_numbers" VALUES(3,2,1.3,1.25,1.35,12,'','rounds','passed',1.2,3,4.25,'');
INSERT INTO "quantgate_numbers" VALUES(3,3,1.3,1.25,1.35,12,'','rounds','passed',1.2,3,4.25,'');
CREATE TABLE quantgate_runs (
	id INTEGER NOT NULL, 
	run TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	started_us BIGINT NOT NULL, 
	duration_s DOUBLE NOT NULL, 
	isa TEXT NOT NULL, 
	machine TEXT NOT NULL, 
	stack TEXT NOT NULL, 
	"commit" TEXT NOT NULL, 
	branch TEXT NOT NULL, 
	manifest TEXT NOT NULL, 
	manifest_digest TEXT NOT NULL, 
	place TEXT NOT NULL, 
	facts_id INTEGER NOT NULL, 
	versions_id INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (run), 
	FOREIGN KEY(facts_id) REFERENCES quantgate_texts (id), 
	FOREIGN KEY(versions_id) REFERENCES quantgate_texts (id)
);
INSERT INTO "quantgate_runs" VALUES(1,'night-0','342e845012384152a820a7175d73b2e52c2acd133312f483a773279f4448a44d',1767232800000000,600.0,'amx','a1b2','default','0000000000000000000000000000000000000000','main','models.toml','abababababababababababababababababababababababababababababababab','/reports/night',4,5);
INSERT INTO "quantgate_runs" VALUES(2,'night-1','4809b04440cd5e564fe6d658e7b65e5335534dab5a5c84033db8255a9ce4bc29',1767319200000000,600.0,'amx','a1b2','default','0000000000000000000000000000000000000001','main','models.toml','abababababababababababababababababababababababababababababababab','/reports/night',4,5);
INSERT INTO "quantgate_runs" VALUES(3,'night-2','8c897bfb71baf8cc6cf011af4e52eee2942d97daf7d3c611b058052b1880c0a3',1767405600000000,600.0,'amx','a1b2','default','0000000000000000000000000000000000000002','main','models.toml','abababababababababababababababababababababababababababababababab','/reports/night',4,5);
CREATE TABLE quantgate_schema (
	version INTEGER NOT NULL
);
INSERT INTO "quantgate_schema" VALUES(1);
CREATE TABLE quantgate_series (
	id INTEGER NOT NULL, 
	model TEXT NOT NULL, 
	quantity TEXT NOT NULL, 
	isa TEXT NOT NULL, 
	machine TEXT NOT NULL, 
	stack TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (model, quantity, isa, machine, stack)
);
INSERT INTO "quantgate_series" VALUES(1,'digits','min_agreement','amx','a1b2','default');
INSERT INTO "quantgate_series" VALUES(2,'ssd','max_size_ratio','amx','a1b2','default');
INSERT INTO "quantgate_series" VALUES(3,'ssd','min_speedup','amx','a1b2','default');
CREATE TABLE quantgate_texts (
	id INTEGER NOT NULL, 
	digest TEXT NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (digest)
);
INSERT INTO "quantgate_texts" VALUES(1,'ec18eac8d758b1eba52d3c10d39adc6dd9806472cb4ae069635d383d9086a513','s0');
INSERT INTO "quantgate_texts" VALUES(2,'e8bc163c82eee18733288c7d4ac636db3a6deb013ef2d37b68322be20edc45cc','s1');
INSERT INTO "quantgate_texts" VALUES(3,'ad328846aa18b32a335816374511cac1063c704b8c57999e51da9f908290a7a4','s2');
INSERT INTO "quantgate_texts" VALUES(4,'62016b512256ddef3facbc123a7ec564225d022d77a6c9686f9ab34dcfa34822','{"cpu": "a CPU", "isa": "amx"}');
INSERT INTO "quantgate_texts" VALUES(5,'d8eb428bff5dbc9ab16b3c6763921fae06f7cfa332a93b24e35252bbca12e1b3','{"openvino": "2026.1.0", "nncf": "3.0.0"}');
INSERT INTO "quantgate_texts" VALUES(6,'8eb63ebbc1e77d0d9ece7627f7b68479dae3430f48a80dbc9e02977ffe8cb005','{"parent": "1111111111111111111111111111111111111111111111111111111111111111"}');
INSERT INTO "quantgate_texts" VALUES(7,'fef671dd2e1f441ea95bb2568e5233aa093caae7aa60fcbb60f2bebf50aa58ca','{"parent": "2222222222222222222222222222222222222222222222222222222222222222", "evaluation": "3333333333333333333333333333333333333333333333333333333333333333"}');
INSERT INTO "quantgate_texts" VALUES(8,'b5602b197975f6a6aa7f0f3639964727257c4fbdb0e0ef543db1ed952b42ce17','{"task": "classification"}');
INSERT INTO "quantgate_texts" VALUES(9,'44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','{}');
CREATE INDEX ix_quantgate_numbers_run_id ON quantgate_numbers (run_id);
COMMIT;
