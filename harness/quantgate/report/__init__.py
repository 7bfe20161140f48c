"""Evidence for people: wording, tables, pictures, Allure, the page. Never imports the engine."""
