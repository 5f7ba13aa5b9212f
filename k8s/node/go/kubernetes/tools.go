//go:build tools

// Package node names the Kubernetes programs that the one-node cluster runs, so that go.mod and go.sum pin all that they need.
// The volume provisioner is in the same module, so that what it shares with Kubernetes is compiled once.
package node

import (
	_ "github.com/rancher/local-path-provisioner"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-proxy"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
	_ "k8s.io/kubernetes/cmd/kubectl"
	_ "k8s.io/kubernetes/cmd/kubelet"
)
