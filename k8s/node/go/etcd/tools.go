//go:build tools

// Package node names the etcd server, so that go.mod and go.sum pin all that it needs.
package node

import _ "go.etcd.io/etcd/server/v3"
