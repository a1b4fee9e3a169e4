"""Reports: pure statistics of what the journal has of a period, and the pages that show them."""
