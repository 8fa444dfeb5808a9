// Package logtotest is a simulated Logto, as net/http/httptest is to net/http:
// a tenant in memory behind a real HTTP server that answers as Logto OSS 1.42
// does, its bad habits included. It can be changed while it is read and told to
// misbehave, and it keeps count of what it was asked.
package logtotest
