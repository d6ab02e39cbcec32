"""The numbered SQL scripts that make the tables of the traces, one folder for each database."""
