"""The command line: parse, call, print."""

from scenegen.core.import_path import protect_imports

protect_imports()  # before anything else is imported
