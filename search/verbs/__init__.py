"""The verbs that search, report and demonstrate."""
