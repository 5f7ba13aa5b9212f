//go:build tools

// Pins the S3 server of the demo and the tests; scripts/images builds it.
package tools

import _ "github.com/versity/versitygw/cmd/versitygw"
