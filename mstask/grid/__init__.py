"""The grid engine: cells, run by papermill and distributed by Dask; what is done, stale, failed or missing."""
