package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// httpServers are the HTTP servers of a process.
type httpServers struct {
	status, webhook *httpServer // webhook is nil unless it has an address of its own
	failed          chan error  // why one of them ended without close
}

// An httpServer serves one address.
type httpServer struct {
	listener net.Listener
	server   *http.Server
	done     chan struct{}
}

// startHTTPServers serves the status page, the metrics and the probes, and the
// deliveries of webhooks.
func (s *Server) startHTTPServers(ctx context.Context) (_ *httpServers, err error) {
	all := &httpServers{failed: make(chan error, 2)}
	if all.status, err = all.startServer(ctx, s.Config.Serve.Listen, "the status page", s.httpHandler()); err != nil {
		return nil, err
	}
	if address := s.Config.Serve.Webhook.Listen; address != "" {
		handler := withSecurityHeaders(s.withWebhookDeliveries(http.NotFoundHandler()))
		if all.webhook, err = all.startServer(ctx, address, "webhook deliveries", handler); err != nil {
			return nil, errors.Join(err, all.close())
		}
	}
	return all, nil
}

// startServer serves one address; purpose is for errors.
func (h *httpServers) startServer(ctx context.Context, address, purpose string, handler http.Handler) (*httpServer, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", purpose, err)
	}
	w := &httpServer{listener, &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: nil,
	}, make(chan struct{})}
	go func() {
		defer close(w.done)
		if err := w.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			h.failed <- fmt.Errorf("serve %s: %w", purpose, err)
		}
	}()
	return w, nil
}

func (h *httpServers) close() error { return errors.Join(h.status.close(), h.webhook.close()) }

// address returns where the server listens; empty: there is none.
func (w *httpServer) address() string {
	if w == nil {
		return ""
	}
	return w.listener.Addr().String()
}

func (w *httpServer) close() error {
	if w == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := w.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = w.server.Close()
	}
	<-w.done
	return err
}
