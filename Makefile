.PHONY: help demo test soak kill faults cancel fairness bench bench-api launching campaign-scale upgrade hammer netpol bench-filer audit up down install uninstall lock

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | column -t -s '|'

demo: ## a cluster with the service, and a real analysis on it
	@scripts/demo

test: ## every check and test, the end-to-end ones on a real cluster
	@scripts/test

soak: ## 500 tasks at once, of which some fail or are cancelled, while taskmasters are killed: SOAK_TASKS=…
	@scripts/campaign soak

kill: ## a taskmaster killed at each of its requests to the real API server, one after the other
	@scripts/campaign kill

faults: ## an API server that is away or answers errors; launches that are late, doubled or refused
	@scripts/campaign faults

cancel: ## how soon a cancelled task is CANCELED, alone and among many
	@scripts/campaign cancel

fairness: ## a task beside a tenant with 1,000 in its queue: FAIRNESS_TASKS=…
	@scripts/campaign fairness

bench-api: ## how quick the api is with 100 to 50,000 tasks, beside the bare API server: BENCH_TASKS=…
	@scripts/campaign bench_api

bench: ## how quick tasks are beside bare pods, alone and many at once, and what they cost: BENCH_ROUNDS=…
	@scripts/campaign speed

launching: ## what it takes to launch tasks, beside bare pods: requests, bytes, CPU, rates
	@scripts/campaign launching

campaign-scale: ## 20,000 tasks on 1,000 nodes that are played: throughput, latency, what is asked for: SCALE_TASKS=…
	@scripts/campaign scale

upgrade: ## tasks that run and wait while the release before this one is brought up to date
	@scripts/campaign upgrade

hammer: ## many clients at once against one api pod, which is killed in a second round
	@scripts/campaign hammer

netpol: ## what pods of a tenant reach where the network enforces its policies
	@scripts/campaign netpol

bench-filer: ## the filer beside curl, the AWS command line and rclone, without a cluster: BENCH_ROUNDS=…
	@scripts/bench-filer

audit: ## whether a vulnerability is known of any locked Python package
	@scripts/audit

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
