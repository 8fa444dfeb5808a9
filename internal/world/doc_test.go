// Package world_test starts the servers that stand between the program and Logto or
// Postgres where people run it: nginx, HAProxy and PgBouncer, from the system's
// packages, each in the configuration its package installs. Only paths, ports
// and the server behind it are set. The program is run through them.
//
// A case is a script in testdata. The scripts' commands are documented in
// world_test.go.
package world_test
