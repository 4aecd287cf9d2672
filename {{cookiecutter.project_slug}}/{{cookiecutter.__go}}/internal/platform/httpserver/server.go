package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"{{ cookiecutter.__go_module }}/internal/platform/lifecycle"
)

type Limits struct {
	ReadHeader time.Duration
	Read       time.Duration
	Write      time.Duration
	Idle       time.Duration
}

type Server struct {
	name     string
	address  string
	http     *http.Server
	listener net.Listener
}

func New(name, address string, handler http.Handler, limits Limits, logger *slog.Logger) *Server {
	return &Server{
		name:    name,
		address: address,
		http: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: limits.ReadHeader,
			ReadTimeout:       limits.Read,
			WriteTimeout:      limits.Write,
			IdleTimeout:       limits.Idle,
			MaxHeaderBytes:    32 << 10,
			ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		},
	}
}

func (s *Server) Component() lifecycle.Component {
	return lifecycle.Component{Name: s.name, Start: s.listen, Run: s.serve, Stop: s.shutdown}
}

// Address is where the server listens, with the port that the system chose if it was asked for port 0.
func (s *Server) Address() string {
	if s.listener == nil {
		return s.address
	}
	return s.listener.Addr().String()
}

func (s *Server) listen(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", s.address, err)
	}
	s.listener = listener
	return nil
}

func (s *Server) serve(context.Context) error {
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve on %s: %w", s.Address(), err)
	}
	return nil
}

func (s *Server) shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return fmt.Errorf("cut off open requests: %w", errors.Join(err, s.http.Close()))
	}
	return nil
}
