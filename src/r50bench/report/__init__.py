"""For the reader: KPI blocks, tables, terminal progress."""
