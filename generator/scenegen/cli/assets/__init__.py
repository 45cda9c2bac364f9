"""`scenegen assets`: fill, inspect and credit the prepared library."""
