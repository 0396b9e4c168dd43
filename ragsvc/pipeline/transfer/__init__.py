"""A corpus written to a folder of Parquet files, and read from one."""
