//go:build tools

// Package node names the two programs of Calico's that enforce NetworkPolicies, so that go.mod and go.sum pin all that they need.
package node

import (
	_ "github.com/projectcalico/calico/cni-plugin/cmd/calico"
	_ "github.com/projectcalico/calico/felix/cmd/calico-felix"
)
