package world_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// rootOnly are the lines of HAProxy's packaged configuration that need root and
// directories outside its own. None bears on what it does with a request.
var rootOnly = regexp.MustCompile(`(?m)^\s*(chroot|stats socket|user|group|daemon)\b.*\n`)

// HAProxy starts HAProxy in its packaged configuration, with one frontend that
// passes every request to upstream, an http URL. The caller closes the server.
func HAProxy(ctx context.Context, upstream string) (*ProxyOrPooler, error) {
	s, err := newProxy()
	if err != nil {
		return nil, err
	}
	config, err := packagedConfig("/etc/haproxy/haproxy.cfg")
	if err != nil {
		return nil, err
	}
	config = rootOnly.ReplaceAllString(config, "") + fmt.Sprintf(`
frontend logto
	bind %s
	default_backend logto

backend logto
	server logto %s
`, s.Addr, strings.TrimPrefix(upstream, "http://"))
	if err := s.write("haproxy.cfg", config); err != nil {
		return nil, err
	}
	return s, s.start(ctx, "haproxy", "-db", "-f", s.path("haproxy.cfg"))
}
