package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v4"
)

const repository = "../../"

// parses fails unless the program takes such arguments.
func parses(t *testing.T, where string, args []string) {
	t.Helper()
	var g cli
	parser := must[*kong.Kong](t, "make the parser")(kong.New(&g, kong.Name("syncer"), kong.NoDefaultHelp(), kong.Vars{"listings": allListingNamesText()},
		kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {})))
	if _, err := parser.Parse(args); err != nil {
		t.Errorf("%s: syncer %s: %v", where, strings.Join(args, " "), err)
	}
}

// variables are those a jobs.yaml names, and what pgx reads by itself.
func variables(jobs []byte) []string {
	names := []string{"PGPASSWORD"}
	for _, match := range regexp.MustCompile(`\$\{([A-Z_]+)`).FindAllSubmatch(jobs, -1) {
		if name := string(match[1]); name != "NAME" { // in the explanation
			names = append(names, name)
		}
	}
	return names
}

// An object is a mapping of a YAML file.
type object map[string]any

func (o object) at(path string) any {
	var v any = map[string]any(o)
	for key := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

func (o object) objects(path string) []object {
	list, _ := o.at(path).([]any) // what is no list has no members
	var all []object
	for _, v := range list {
		m, _ := v.(map[string]any) // what is no mapping has no keys
		all = append(all, m)
	}
	return all
}

func texts(v any) []string {
	list, _ := v.([]any) // what is no list has no members
	var all []string
	for _, one := range list {
		all = append(all, fmt.Sprint(one))
	}
	return all
}

func documents(t *testing.T, path string) []object {
	t.Helper()
	var docs []map[string]any
	if err := yaml.Load(must[[]byte](t, "read")(os.ReadFile(path)), &docs, yaml.WithAllDocuments()); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var all []object
	for _, d := range docs {
		all = append(all, d)
	}
	return all
}

func TestKubernetesManifestsSayWhatTheProgramKnows(t *testing.T) {
	t.Parallel()
	kinds := map[string]int{}
	for _, file := range must[[]string](t, "list")(filepath.Glob(repository + "deploy/kubernetes/*.yaml")) {
		for _, d := range documents(t, file) {
			kind := fmt.Sprint(d["kind"])
			kinds[kind]++
			if d["apiVersion"] == nil || d.at("metadata.name") == nil {
				t.Errorf("%s: a %s without apiVersion or name", file, kind)
			}
			switch kind {
			case "CronJob":
				pod(t, file, object(d.at("spec.jobTemplate.spec.template").(map[string]any)), false)
			case "Deployment":
				template := object(d.at("spec.template").(map[string]any))
				pod(t, file, template, true)
				labels := template.at("metadata.labels").(map[string]any)
				for key, value := range d.at("spec.selector.matchLabels").(map[string]any) {
					if labels[key] != value {
						t.Errorf("%s: the selector's %s is not a label of the pods", file, key)
					}
				}
			case "NetworkPolicy":
				if got := texts(d.at("spec.policyTypes")); !slices.Equal(got, []string{"Ingress", "Egress"}) {
					t.Errorf("%s: the policy is for %v", file, got)
				}
			}
		}
	}
	want := map[string]int{"CronJob": 1, "Deployment": 1, "Service": 1, "PodDisruptionBudget": 1, "NetworkPolicy": 1}
	if !maps.Equal(kinds, want) {
		t.Errorf("want %v, have %v", want, kinds)
	}
}

// pod checks what runs, and that it may do nothing else.
func pod(t *testing.T, file string, template object, serves bool) {
	t.Helper()
	for path, want := range map[string]any{
		"spec.automountServiceAccountToken": false, "spec.securityContext.runAsNonRoot": true, "spec.securityContext.seccompProfile.type": "RuntimeDefault",
	} {
		if got := template.at(path); got != want {
			t.Errorf("%s: %s: want %v, have %v", file, path, want, got)
		}
	}
	containers := template.objects("spec.containers")
	if len(containers) != 1 {
		t.Fatalf("%s: %d containers", file, len(containers))
	}
	c := containers[0]
	parses(t, file, texts(c["args"]))
	for path, want := range map[string]any{
		"securityContext.readOnlyRootFilesystem": true, "securityContext.allowPrivilegeEscalation": false, "securityContext.capabilities.drop": "[ALL]",
	} {
		if got := c.at(path); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %s: want %v, have %v", file, path, want, got)
		}
	}
	if c.at("resources.requests.memory") == nil || c.at("resources.limits.memory") == nil {
		t.Errorf("%s: no resources", file)
	}
	for _, probe := range []string{"livenessProbe", "readinessProbe"} {
		if path := c.at(probe + ".httpGet.path"); serves && path != "/healthz" && path != "/readyz" {
			t.Errorf("%s: %s asks for %v", file, probe, path)
		}
	}
	if serves {
		port := c.objects("ports")[0]["containerPort"]
		if !slices.Contains(texts(c["args"]), fmt.Sprintf("0.0.0.0:%v", port)) {
			t.Errorf("%s: it does not listen at %v", file, port)
		}
	}
}

func TestComposeSaysWhatTheProgramKnows(t *testing.T) {
	t.Parallel()
	compose := documents(t, repository+"compose.yaml")[0]
	services := compose["services"].(map[string]any)
	for _, name := range []string{"postgres", "syncer", "grant", "prometheus", "grafana"} {
		s, ok := services[name].(map[string]any)
		if !ok {
			t.Errorf("there is no service %s", name)
			continue
		}
		for _, volume := range texts(s["volumes"]) {
			from, _, _ := strings.Cut(volume, ":")
			if _, err := os.Stat(repository + from); strings.HasPrefix(from, "./") && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, port := range texts(s["ports"]) {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s: %s can be reached from everywhere", name, port)
			}
		}
	}
	syncer := object(services["syncer"].(map[string]any))
	parses(t, "compose.yaml", texts(syncer["command"]))
	parses(t, "compose.yaml", texts(services["grant"].(map[string]any)["command"]))
	parses(t, "compose.yaml", texts(syncer.at("healthcheck.test"))[2:])
	environment := slices.Sorted(maps.Keys(syncer["environment"].(map[string]any)))
	// Those jobs.yaml has in comments, too: whoever takes the comment away expects
	// the container to have them.
	jobs := must[[]byte](t, "read")(os.ReadFile(repository + "jobs.yaml"))
	want := variables(jobs)
	slices.Sort(want)
	if want = slices.Compact(want); !slices.Equal(environment, want) {
		t.Errorf("the container is given %v, jobs.yaml reads %v", environment, want)
	}
	if syncer["read_only"] != true || fmt.Sprint(syncer["cap_drop"]) != "[ALL]" {
		t.Error("the container may write, or has capabilities")
	}
}

func TestSystemdUnitsSayWhatTheProgramKnows(t *testing.T) {
	t.Parallel()
	files := must[[]string](t, "list")(filepath.Glob(repository + "deploy/systemd/*"))
	if len(files) != 3 {
		t.Fatalf("want three units, have %v", files)
	}
	for _, file := range files {
		data := must[[]byte](t, "read")(os.ReadFile(file))
		if strings.HasSuffix(file, ".timer") {
			continue
		}
		match := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/syncer (.*)$`).FindSubmatch(data)
		if match == nil {
			t.Fatalf("%s does not start syncer", file)
		}
		parses(t, file, strings.Fields(string(match[1])))
		for _, want := range []string{"DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet=\n", "SystemCallFilter="} {
			if !bytes.Contains(data, []byte(want)) {
				t.Errorf("%s does not have %s", file, want)
			}
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return // elsewhere than on Linux with systemd, what is above has to do
	}
	out, _ := exec.CommandContext(t.Context(), analyze, append([]string{"verify"}, files...)...).CombinedOutput() // its exit code counts the missing binary
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "syncer") && !strings.Contains(line, "is not executable") {
			t.Errorf("systemd-analyze: %s", line)
		}
	}
}

// Every metric that a rule asks for is one that serve has; and every metric
// serve has is explained in docs/operations.md.
func TestPrometheusRulesAskForMetricsThereAre(t *testing.T) {
	t.Parallel()
	sources := ""
	for _, file := range must[[]string](t, "list")(filepath.Glob(repository + "internal/serve/metrics.go")) {
		sources += string(must[[]byte](t, "read")(os.ReadFile(file)))
	}
	var have []string
	for _, match := range regexp.MustCompile(`desc\("([a-z_]+)"|Name: "syncer_([a-z_]+)"`).FindAllStringSubmatch(sources, -1) {
		have = append(have, "syncer_"+match[1]+match[2])
	}
	if len(have) < 10 {
		t.Fatalf("found %v", have)
	}
	rules := documents(t, repository+"deploy/prometheus/alerts.yaml")[0]
	operations := string(must[[]byte](t, "read")(os.ReadFile(repository + "docs/operations.md")))
	n := 0
	for _, rule := range rules.objects("groups")[0].objects("rules") {
		n++
		for _, name := range regexp.MustCompile(`syncer_[a-z_]+`).FindAllString(fmt.Sprint(rule["expr"]), -1) {
			if !slices.Contains(have, name) {
				t.Errorf("%v asks for %s", rule["alert"], name)
			}
		}
		if !strings.Contains(operations, fmt.Sprintf("`%v`", rule["alert"])) {
			t.Errorf("docs/operations.md does not say what %v means", rule["alert"])
		}
	}
	if n < 5 {
		t.Errorf("%d rules", n)
	}
	for _, name := range have {
		if !strings.Contains(operations, "`"+name+"`") {
			t.Errorf("docs/operations.md does not explain %s", name)
		}
	}
}
