package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"go.yaml.in/yaml/v2"
)

type file struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	Tests              []test         `yaml:"tests"`
}

type test struct {
	Name     string         `yaml:"name"`
	Interval model.Duration `yaml:"interval"`
	Series   []struct {
		Series string `yaml:"series"`
		Values string `yaml:"values"`
	} `yaml:"input_series"`
	Expressions []expression `yaml:"promql_expr_test"`
}

type expression struct {
	Expr     string         `yaml:"expr"`
	EvalTime model.Duration `yaml:"eval_time"`
	Samples  []struct {
		Labels string  `yaml:"labels"`
		Value  float64 `yaml:"value"`
	} `yaml:"exp_samples"`
}

var reader = parser.NewParser(parser.Options{})

func main() {
	var err error
	switch {
	case len(os.Args) > 3 && os.Args[1] == "test" && os.Args[2] == "rules":
		err = testRules(os.Args[3:])
	case len(os.Args) == 2 && os.Args[1] == "names":
		err = names()
	default:
		err = errors.New("usage: alerts test rules FILE... | alerts names")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func testRules(paths []string) error {
	var found []error
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var read file
		if err := yaml.UnmarshalStrict(content, &read); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for i, name := range read.RuleFiles {
			read.RuleFiles[i] = filepath.Join(filepath.Dir(path), name)
		}
		for _, one := range read.Tests {
			if err := one.run(read); err != nil {
				found = append(found, fmt.Errorf("%s: %s: %w", filepath.Base(path), one.Name, err))
			}
		}
		fmt.Printf("%s: %d tests\n", path, len(read.Tests))
	}
	return errors.Join(found...)
}

func (t test) run(in file) (err error) {
	var load strings.Builder
	fmt.Fprintf(&load, "load %s\n", t.Interval)
	for _, one := range t.Series {
		fmt.Fprintf(&load, "  %s %s\n", one.Series, one.Values)
	}
	suite, err := promqltest.NewLazyLoader(load.String(), promqltest.LazyLoaderOpts{EnableAtModifier: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, suite.Close()) }()
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc:  rules.EngineQueryFunc(suite.QueryEngine(), suite.Storage()),
		Appendable: suite.Storage(),
		Context:    context.Background(),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
		Logger:     promslog.NewNopLogger(),
		Parser:     reader,
	})
	loaded, errs := manager.LoadGroups(time.Duration(in.EvaluationInterval), labels.EmptyLabels(), "", nil, false, in.RuleFiles...)
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	groups := make([]*rules.Group, 0, len(loaded))
	for _, group := range loaded {
		groups = append(groups, group)
		for _, rule := range group.Rules() {
			if alert, ok := rule.(*rules.AlertingRule); ok {
				alert.SetRestored(true)
			}
		}
	}
	sort.Slice(groups, func(i, j int) bool { return groups[i].Name() < groups[j].Name() })
	end := time.Duration(0)
	for _, one := range t.Expressions {
		end = max(end, time.Duration(one.EvalTime))
	}
	if err := evaluate(suite, groups, end, time.Duration(in.EvaluationInterval)); err != nil {
		return err
	}
	for _, one := range t.Expressions {
		err = errors.Join(err, one.compare(suite))
	}
	return err
}

func evaluate(suite *promqltest.LazyLoader, groups []*rules.Group, end, step time.Duration) (err error) {
	start := time.Unix(0, 0).UTC()
	for now := start; !now.After(start.Add(end)); now = now.Add(step) {
		suite.WithSamplesTill(now, func(failed error) {
			if err = failed; err != nil {
				return
			}
			for _, group := range groups {
				group.Eval(suite.Context(), now)
				for _, rule := range group.Rules() {
					if rule.LastError() != nil {
						err = errors.Join(err, fmt.Errorf("%s: %w", rule.Name(), rule.LastError()))
					}
				}
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (e expression) compare(suite *promqltest.LazyLoader) error {
	when := time.Unix(0, 0).UTC().Add(time.Duration(e.EvalTime))
	query, err := suite.QueryEngine().NewInstantQuery(suite.Context(), suite.Queryable(), nil, e.Expr, when)
	if err != nil {
		return err
	}
	got, err := query.Exec(suite.Context()).Vector()
	if err != nil {
		return err
	}
	want := make(promql.Vector, 0, len(e.Samples))
	for _, sample := range e.Samples {
		metric, err := reader.ParseMetric(sample.Labels)
		if err != nil {
			return err
		}
		want = append(want, promql.Sample{Metric: metric, F: sample.Value})
	}
	if have, expected := text(got), text(want); have != expected {
		return fmt.Errorf("%s at %s is [%s], not [%s]", e.Expr, e.EvalTime, have, expected)
	}
	return nil
}

func text(samples promql.Vector) string {
	lines := make([]string, 0, len(samples))
	for _, sample := range samples {
		lines = append(lines, fmt.Sprintf("%s %g", sample.Metric, sample.F))
	}
	sort.Strings(lines)
	return strings.Join(lines, "; ")
}

func names() error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var expr string
		if err := json.Unmarshal(lines.Bytes(), &expr); err != nil {
			return err
		}
		parsed, err := reader.ParseExpr(expr)
		if err != nil {
			return fmt.Errorf("%s: %w", expr, err)
		}
		parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
			if selector, ok := node.(*parser.VectorSelector); ok {
				fmt.Println(selector.Name)
			}
			return nil
		})
	}
	return lines.Err()
}
