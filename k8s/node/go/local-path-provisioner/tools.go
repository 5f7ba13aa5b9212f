//go:build tools

// Package node names the storage provisioner, so that go.mod and go.sum pin all that it needs.
package node

import _ "github.com/rancher/local-path-provisioner"
