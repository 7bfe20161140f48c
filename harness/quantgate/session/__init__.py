"""One run of the gates, as pytest sees it: from options to tests, from outcomes to the report."""
