package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"{{ cookiecutter.__go_module }}/internal/platform/lifecycle"
)

type Limits struct {
	ReadHeader time.Duration
	Read       time.Duration
	Write      time.Duration
	Idle       time.Duration
}

const (
	finishShare = 0.9
	answerShare = 0.5
)

type Server struct {
	name     string
	address  string
	http     *http.Server
	listener net.Listener
	draining atomic.Bool
	serving  sync.RWMutex
	ending   chan struct{}
	cutOff   func()
}

func New(name, address string, handler http.Handler, limits Limits, logger *slog.Logger) *Server {
	ending := make(chan struct{})
	server := &Server{name: name, address: address, ending: ending, cutOff: sync.OnceFunc(func() { close(ending) })}
	server.http = &http.Server{
		Handler:           server.farewell(handler),
		ReadHeaderTimeout: limits.ReadHeader,
		ReadTimeout:       limits.Read,
		WriteTimeout:      limits.Write,
		IdleTimeout:       limits.Idle,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(complaints{logger.Handler()}, slog.LevelWarn),
		BaseContext:       server.requests,
	}
	return server
}

type complaints struct {
	slog.Handler
}

// Handle puts what the server of the standard library has to say, which holds values, into a field of a constant message.
func (c complaints) Handle(ctx context.Context, record slog.Record) error {
	told := slog.NewRecord(record.Time, record.Level, "Failed to serve connection", record.PC)
	told.AddAttrs(slog.String("error", record.Message))
	return c.Handler.Handle(ctx, told) //nolint:wrapcheck // a handler hands its error on
}

func (s *Server) Component() lifecycle.Component {
	return lifecycle.Component{Name: s.name, Start: s.listen, Run: s.serve, Drain: s.drain, Stop: s.shutdown}
}

func (s *Server) requests(net.Listener) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-s.ending
		cancel()
	}()
	return ctx
}

func (s *Server) drain() {
	s.draining.Store(true)
}

func (s *Server) farewell(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serving.RLock()
		defer s.serving.RUnlock()
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
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
	defer s.cutOff()
	err := within(ctx, finishShare, s.http.Shutdown)
	if err == nil {
		return nil
	}
	s.cutOff()
	if late := within(ctx, answerShare, s.http.Shutdown); late != nil {
		err = errors.Join(err, s.http.Close(), within(ctx, answerShare, s.idle))
	}
	return fmt.Errorf("cut off open requests: %w", err)
}

func (s *Server) idle(ctx context.Context) error {
	ended := make(chan struct{})
	go func() {
		s.serving.Lock()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for handlers: %w", ctx.Err())
	}
}

func within(ctx context.Context, share float64, end func(ctx context.Context) error) error {
	if deadline, limited := ctx.Deadline(); limited {
		bounded, cancel := context.WithTimeout(ctx, time.Duration(float64(time.Until(deadline))*share))
		defer cancel()
		ctx = bounded
	}
	return end(ctx)
}
