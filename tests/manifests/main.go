package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	limits "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

const buffer = 1 << 16

type definition struct {
	schema *structural.Structural
	values validation.SchemaValidator
	rules  *cel.Validator
}

type definitions map[schema.GroupVersionKind]definition

type verdict struct {
	Object  string   `json:"object"`
	Custom  bool     `json:"custom"`
	Defects []string `json:"defects"`
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(paths []string, objects io.Reader, verdicts io.Writer) error {
	known := definitions{}
	for _, path := range paths {
		if err := known.read(path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	security, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return fmt.Errorf("pod security standards: %w", err)
	}
	return each(objects, func(object *unstructured.Unstructured) error {
		found, custom := known.defects(object)
		line, err := json.Marshal(verdict{
			Object:  object.GetKind() + "/" + object.GetName(),
			Custom:  custom,
			Defects: append(found, insecure(object, security)...),
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(verdicts, string(line))
		return err
	})
}

func each(source io.Reader, visit func(*unstructured.Unstructured) error) error {
	documents := yaml.NewYAMLOrJSONDecoder(source, buffer)
	for {
		document := runtime.RawExtension{}
		if err := documents.Decode(&document); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		object := unstructured.Unstructured{}
		if err := json.Unmarshal(document.Raw, &object.Object); err != nil {
			return err
		}
		if len(object.Object) == 0 {
			continue
		}
		if err := visit(&object); err != nil {
			return err
		}
	}
}

func (d definitions) read(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return each(bytes.NewReader(content), func(object *unstructured.Unstructured) error {
		crd := apiextensionsv1.CustomResourceDefinition{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &crd); err != nil {
			return err
		}
		for _, version := range crd.Spec.Versions {
			if !version.Served {
				continue
			}
			defined, err := newDefinition(version.Schema.OpenAPIV3Schema)
			if err != nil {
				return err
			}
			d[schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind}] = defined
		}
		return nil
	})
}

func newDefinition(published *apiextensionsv1.JSONSchemaProps) (definition, error) {
	internal := apiextensions.JSONSchemaProps{}
	err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(published, &internal, nil)
	if err != nil {
		return definition{}, err
	}
	shape, err := structural.NewStructural(&internal)
	if err != nil {
		return definition{}, err
	}
	values, _, err := validation.NewSchemaValidator(&internal)
	if err != nil {
		return definition{}, err
	}
	return definition{schema: shape, values: values, rules: cel.NewValidator(shape, true, limits.PerCallLimit)}, nil
}

func (d definitions) defects(object *unstructured.Unstructured) ([]string, bool) {
	defined, custom := d[object.GroupVersionKind()]
	if !custom {
		return []string{}, false
	}
	found := []string{}
	tracked := structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	for _, path := range pruning.PruneWithOptions(object.DeepCopy().Object, defined.schema, true, tracked) {
		found = append(found, "unknown field "+path)
	}
	slices.Sort(found)
	whole := object.DeepCopy()
	defaulting.Default(whole.Object, defined.schema)
	for _, one := range validation.ValidateCustomResource(nil, whole.Object, defined.values) {
		found = append(found, one.Error())
	}
	if len(found) > 0 {
		return found, true
	}
	broken, _ := defined.rules.Validate(
		context.Background(), nil, defined.schema, whole.Object, nil, limits.RuntimeCELCostBudget,
	)
	for _, one := range broken {
		found = append(found, one.Error())
	}
	return found, true
}

func insecure(object *unstructured.Unstructured, security policy.Evaluator) []string {
	path, runs := map[string][]string{
		"Deployment": {"spec", "template"},
		"Job":        {"spec", "template"},
		"CronJob":    {"spec", "jobTemplate", "spec", "template"},
	}[object.GetKind()]
	if !runs {
		return nil
	}
	content, _, err := unstructured.NestedMap(object.Object, path...)
	if err != nil {
		return []string{err.Error()}
	}
	pod := corev1.PodTemplateSpec{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(content, &pod, true); err != nil {
		return []string{err.Error()}
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	found := []string{}
	for _, result := range security.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec) {
		if !result.Allowed {
			found = append(found, result.ForbiddenReason+": "+result.ForbiddenDetail)
		}
	}
	return found
}
