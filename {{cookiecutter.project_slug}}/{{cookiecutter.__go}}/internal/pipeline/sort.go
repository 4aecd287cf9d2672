package pipeline

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

const (
	saleBytes     = 56
	spillBuffer   = 32 << 10
	runsPerMerge  = 128
	salesPerCheck = 4096
)

func (s sale) encode(target *[saleBytes]byte) {
	copy(target[:16], s.order[:])
	copy(target[16:32], s.content[:])
	binary.BigEndian.PutUint64(target[32:], uint64(s.line))  //nolint:gosec // the bits are all that counts
	binary.BigEndian.PutUint64(target[40:], uint64(s.day))   //nolint:gosec // the bits are all that counts
	binary.BigEndian.PutUint64(target[48:], uint64(s.cents)) //nolint:gosec // the bits are all that counts
}

func decodeSale(source *[saleBytes]byte) sale {
	return sale{
		order: [16]byte(source[:16]), content: [16]byte(source[16:32]),
		line:  int64(binary.BigEndian.Uint64(source[32:])), //nolint:gosec // the bits are all that counts
		day:   int64(binary.BigEndian.Uint64(source[40:])), //nolint:gosec // the bits are all that counts
		cents: int64(binary.BigEndian.Uint64(source[48:])), //nolint:gosec // the bits are all that counts
	}
}

func compareSales(a, b sale) int {
	if order := bytes.Compare(a.order[:], b.order[:]); order != 0 {
		return order
	}
	return cmp.Compare(a.line, b.line)
}

type sorter struct {
	disk   Disk
	folder string
	held   []sale
	most   int
	levels [][]string
	made   int
}

func newSorter(disk Disk, folder string, memory int64) *sorter {
	return &sorter{disk: disk, folder: folder, most: max(int(memory/saleBytes), 1)}
}

func (s *sorter) add(ctx context.Context, one sale) error {
	if s.held == nil {
		s.held = make([]sale, 0, s.most)
	}
	s.held = append(s.held, one)
	if len(s.held) < s.most {
		return nil
	}
	return s.spill(ctx)
}

func (s *sorter) spill(ctx context.Context) error {
	slices.SortFunc(s.held, compareSales)
	name, err := s.write(func(write func(sale) error) error {
		for _, one := range s.held {
			if err := write(one); err != nil {
				return err
			}
		}
		return nil
	})
	s.held = s.held[:0]
	if err != nil {
		return fmt.Errorf("spill sales: %w", err)
	}
	return s.keep(ctx, 0, name)
}

func (s *sorter) keep(ctx context.Context, level int, name string) error {
	if level == len(s.levels) {
		s.levels = append(s.levels, nil)
	}
	s.levels[level] = append(s.levels[level], name)
	if len(s.levels[level]) < runsPerMerge {
		return nil
	}
	runs := s.levels[level]
	s.levels[level] = nil
	merged, err := s.write(func(write func(sale) error) error { return merge(ctx, runs, write) })
	if err != nil {
		return fmt.Errorf("merge sales: %w", err)
	}
	for _, run := range runs {
		if err := os.Remove(run); err != nil {
			return fmt.Errorf("remove merged sales: %w", err)
		}
	}
	return s.keep(ctx, level+1, merged)
}

func (s *sorter) write(fill func(write func(sale) error) error) (string, error) {
	s.made++
	name := filepath.Join(s.folder, "sales-"+strconv.Itoa(s.made))
	file, err := s.disk.Create(name)
	if err != nil {
		return "", fmt.Errorf("create %s: %w", filepath.Base(name), err)
	}
	buffered := bufio.NewWriterSize(file, spillBuffer)
	var encoded [saleBytes]byte
	errFill := fill(func(one sale) error {
		one.encode(&encoded)
		_, err := buffered.Write(encoded[:])
		return err //nolint:wrapcheck // wrapped below
	})
	if errFill == nil {
		errFill = buffered.Flush()
	}
	if err := errors.Join(errFill, file.Close()); err != nil {
		return "", fmt.Errorf("write %s: %w", filepath.Base(name), err)
	}
	return name, nil
}

func (s *sorter) each(ctx context.Context, use func(sale) error) error {
	if len(s.levels) == 0 {
		slices.SortFunc(s.held, compareSales)
		for i, one := range s.held {
			if i%salesPerCheck == 0 && ctx.Err() != nil {
				return fmt.Errorf("read sales: %w", ctx.Err())
			}
			if err := use(one); err != nil {
				return err
			}
		}
		return nil
	}
	if len(s.held) > 0 {
		if err := s.spill(ctx); err != nil {
			return err
		}
	}
	s.held = nil
	return merge(ctx, slices.Concat(s.levels...), use)
}

type cursor struct {
	file   *os.File
	reader *bufio.Reader
	head   sale
}

func (c *cursor) next() (bool, error) {
	var encoded [saleBytes]byte
	if _, err := io.ReadFull(c.reader, encoded[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		return false, fmt.Errorf("read %s: %w", filepath.Base(c.file.Name()), err)
	}
	c.head = decodeSale(&encoded)
	return true, nil
}

func merge(ctx context.Context, runs []string, use func(sale) error) (err error) {
	var heap cursors
	defer func() { err = errors.Join(err, heap.close()) }()
	for _, run := range runs {
		if err := heap.open(run); err != nil {
			return err
		}
	}
	for taken := 0; len(heap.live) > 0; taken++ {
		if taken%salesPerCheck == 0 && ctx.Err() != nil {
			return fmt.Errorf("merge sales: %w", ctx.Err())
		}
		if err := use(heap.live[0].head); err != nil {
			return err
		}
		if err := heap.advance(); err != nil {
			return err
		}
	}
	return nil
}

type cursors struct {
	opened []*os.File
	live   []*cursor
}

func (c *cursors) open(run string) error {
	file, err := os.Open(run) //nolint:gosec // the sorter made the file
	if err != nil {
		return fmt.Errorf("open spilled sales: %w", err)
	}
	c.opened = append(c.opened, file)
	one := &cursor{file: file, reader: bufio.NewReaderSize(file, spillBuffer)}
	found, err := one.next()
	if err != nil || !found {
		return err
	}
	c.live = append(c.live, one)
	for i := len(c.live) - 1; i > 0 && c.less(i, (i-1)/2); i = (i - 1) / 2 {
		c.live[i], c.live[(i-1)/2] = c.live[(i-1)/2], c.live[i]
	}
	return nil
}

func (c *cursors) advance() error {
	found, err := c.live[0].next()
	if err != nil {
		return err
	}
	if !found {
		last := len(c.live) - 1
		c.live[0] = c.live[last]
		c.live = c.live[:last]
	}
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(c.live); child++ {
			if c.less(child, least) {
				least = child
			}
		}
		if least == i {
			return nil
		}
		c.live[i], c.live[least] = c.live[least], c.live[i]
		i = least
	}
}

func (c *cursors) less(i, j int) bool {
	return compareSales(c.live[i].head, c.live[j].head) < 0
}

func (c *cursors) close() error {
	var errs []error
	for _, file := range c.opened {
		errs = append(errs, file.Close())
	}
	return errors.Join(errs...)
}
