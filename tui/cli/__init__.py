"""The composition root: arguments, configuration, building concrete things, starting one front end. Only
`tui.__main__` enters."""
