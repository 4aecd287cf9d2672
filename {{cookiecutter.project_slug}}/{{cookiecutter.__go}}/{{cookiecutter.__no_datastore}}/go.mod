module {{ cookiecutter.__go_module }}

go 1.26.0
