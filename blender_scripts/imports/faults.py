"""The one error of a file that is read as meant and cannot be used."""


class ImportFault(ValueError):
    """This file cannot be used, for the reason in the message, which also says what to do.

    Any other error of an importer means that the file is damaged or not of its format.
    """
