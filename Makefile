.PHONY: help setup demo test lint docs
help: ## what can be typed
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/'
setup: ## make .venv with everything in it
	./clapas setup
demo: ## start the demonstration territory
	./clapas demo
test: ## run every test
	./clapas test
lint: ## what the gate checks
	./clapas lint
docs: ## write the generated pages
	./clapas docs
