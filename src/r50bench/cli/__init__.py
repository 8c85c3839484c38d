"""The only floor that parses arguments, prints and exits."""
