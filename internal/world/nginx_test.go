package world_test

import (
	"context"
	"fmt"
	"strings"
)

// nginxSite is a site that passes everything on, as every tutorial has it.
const nginxSite = `server {
	listen %s;
%s
	location / {
		proxy_pass %s;
		proxy_set_header Host $http_host;
	}
}
`

// Nginx starts nginx in its packaged configuration, with one site that passes
// every request to upstream, an http URL. site are further lines of the site.
// Its access log is "access.log". The caller closes the server.
func Nginx(ctx context.Context, upstream string, site ...string) (*ProxyOrPooler, error) {
	return nginx(ctx, "", upstream, site)
}

// NginxTLS is Nginx with HTTP/2 and a certificate, whose authority is in the
// file "ca.pem".
func NginxTLS(ctx context.Context, upstream string, site ...string) (*ProxyOrPooler, error) {
	return nginx(ctx, " ssl http2", upstream, site)
}

func nginx(ctx context.Context, listen, upstream string, site []string) (*ProxyOrPooler, error) {
	s, err := newProxy()
	if err != nil {
		return nil, err
	}
	var temp strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temp, "%s_temp_path %s;\n", kind, s.path(kind))
	}
	config, err := packagedConfig("/etc/nginx/nginx.conf",
		"/run/nginx.pid", s.path("pid"),
		"/var/log/nginx/error.log", s.path("error.log"),
		"/var/log/nginx/access.log", s.path("access.log"),
		"/etc/nginx/sites-enabled/*", s.path("site"),
		"http {\n", "http {\n"+temp.String())
	if err != nil {
		return nil, err
	}
	if listen != "" {
		if err := s.certify(); err != nil {
			return nil, err
		}
		site = append(site, "ssl_certificate "+s.path("cert.pem")+";", "ssl_certificate_key "+s.path("key.pem")+";")
	}
	if err := s.write("nginx.conf", config); err != nil {
		return nil, err
	}
	if err := s.write("site", fmt.Sprintf(nginxSite, s.Addr+listen, strings.Join(site, "\n"), upstream)); err != nil {
		return nil, err
	}
	return s, s.start(ctx, "nginx", "-p", s.Dir, "-e", s.path("error.log"), "-c", s.path("nginx.conf"), "-g", "daemon off;")
}
