module tesk-node/pause

go 1.23.0
