"""One folder per network, the contract they fulfil and the registry that names them."""
