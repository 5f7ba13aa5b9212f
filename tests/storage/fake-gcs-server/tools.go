//go:build tools

// Pins the server with which the tests speak to gs://; scripts/storage-servers builds it.
package tools

import _ "github.com/fsouza/fake-gcs-server"
