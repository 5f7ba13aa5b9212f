.PHONY: help demo test up down install uninstall lock

help: ## what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | column -t -s '|'

demo: ## a cluster with the service, and a real analysis on it
	@scripts/demo

test: ## every check and test, the end-to-end ones on a real cluster
	@scripts/test

up: ## a cluster with the service; .local/env says where it is
	@scripts/up

down: ## undoes `make up`
	@scripts/down

install: ## the service on a cluster of yours: CONTEXT=… REGISTRY=…
	@scripts/install

uninstall: ## removes it from there: CONTEXT=…
	@scripts/uninstall

lock: ## locks the Python dependencies anew
	@scripts/lock
