package main

import (
	"bytes"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/postgres/pgtest"
)

// What a newcomer does with the README: each block in its order, against a
// simulated tenant. A block is sh (run), sql (run by the mirror's owner, or by
// an administrator if it says so), cron (its commands are run), yaml (becomes
// part of jobs.yaml), or text (output of the demo).
func TestTheREADMEDoesWhatItSays(t *testing.T) {
	t.Parallel()
	server := logtotest.Start(logtotest.Generate(logtotest.Options{Users: 300, Seed: 1, Ties: true}))
	t.Cleanup(server.Close)
	r := newReadme(t, server)
	kinds := map[string]int{}
	for _, block := range blocksOf(t, "../../README.md") {
		kinds[block.kind]++
		switch block.kind {
		case "sh":
			r.shell(t, block.text)
		case "sql":
			r.sql(t, block.text)
		case "cron":
			for line := range strings.Lines(block.text) {
				r.shell(t, strings.SplitN(line, "* * *", 2)[1])
			}
		case "yaml":
			r.configure(t, block.text)
		case "text":
			r.wantShown(t, block.text)
		case "json": // several lines of an example, which TestScripts holds
		default:
			t.Errorf("README.md has a block of kind %q, which nothing runs", block.kind)
		}
	}
	r.owner = strings.Replace(r.owner, "syncer:choose-a-password", "analyst", 1)
	r.sql(t, "select count(*) from report.user_directory; select count(*) from logto_history.users")
	for kind, least := range map[string]int{"sh": 8, "sql": 4, "cron": 1, "yaml": 2, "text": 1} {
		if kinds[kind] < least {
			t.Errorf("%d blocks of kind %s are too few to prove anything", kinds[kind], kind)
		}
	}
}

type codeBlock struct{ kind, text string }

func blocksOf(t *testing.T, file string) (blocks []codeBlock) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$").FindAllStringSubmatch(string(data), -1) {
		blocks = append(blocks, codeBlock{m[1], m[2]})
	}
	return blocks
}

// A readme is the place where the README's blocks are run.
type readme struct {
	dir      string
	admin    string            // connection string of the database's superuser
	owner    string            // of the role the README creates
	replaced *strings.Replacer // of what a reader replaces
	port     string            // in place of 8077
	demo     string            // what the demo printed
}

func newReadme(t *testing.T, server *logtotest.Server) *readme {
	t.Helper()
	admin, err := url.Parse(pgtest.NewDatabaseURL(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	owner := *admin
	owner.User, owner.Path = url.UserPassword("syncer", "choose-a-password"), "/logto"
	r := &readme{dir: t.TempDir(), admin: admin.String(), owner: owner.String(), port: freePort(t)}
	r.replaced = strings.NewReplacer(
		"https://your-tenant-id.logto.app", server.URL, "your-app-id", server.AppID, "your-app-secret", server.AppSecret,
		"postgres://syncer:choose-a-password@localhost:5432/logto", r.owner, "8077", r.port, "/opt/syncer", r.dir,
	)
	program := must[string](t, "find the test binary")(os.Executable())
	for name, text := range map[string]string{
		"bin/syncer": "#!/bin/sh\nexec \"$(dirname \"$0\")/../program/syncer\" \"$@\"\n",
		"path/make":  makeScript,
		"jobs.yaml":  r.replaced.Replace(string(must[[]byte](t, "read jobs.yaml")(os.ReadFile("../../jobs.yaml")))),
	} {
		file := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(r.dir, "program"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(r.dir, "program/syncer")); err != nil {
		t.Fatal(err)
	}
	return r
}

// makeScript stands for make: the targets the README names are in the Makefile,
// a test that ran all tests would run itself, and the demo is a smaller one.
const makeScript = `#!/bin/sh -eu
grep -q "^$1: .*## " "$MAKEFILE"
case $1 in
demo) bin/syncer demo --users 2000 >demo.txt ;;
build | test) ;;
*) echo "nothing stands for make $1" >&2; exit 1 ;;
esac
`

func freePort(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	l := must[net.Listener](t, "listen")(config.Listen(t.Context(), "tcp", "127.0.0.1:0"))
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// shell runs commands as a reader would type them, in a shell that has read
// .env. What they leave in the background is stopped, and has to end well.
func (r *readme) shell(t *testing.T, commands string) {
	t.Helper()
	script := r.replaced.Replace(commands)
	if before, after, ok := strings.Cut(script, "bin/syncer serve &\n"); ok {
		script = before + "bin/syncer serve & serve=$!\nuntil curl -so /dev/null --retry-connrefused --retry 2 --retry-delay 1 http://127.0.0.1:" + r.port + "/healthz; do kill -0 $serve; done\n" +
			after + "kill $serve\nwait $serve || [ $? = 130 ]\n"
	}
	if strings.HasPrefix(script, "export ") { // it holds for the blocks that follow
		script += "\nenv | grep ^SYNCER_ >>.env\n"
	}
	script = "set -eu\nif [ -f .env ]; then set -a; . ./.env; set +a; fi\n" + script
	r.run(t, commands, exec.CommandContext(t.Context(), "sh", "-c", script))
}

// sql runs statements, in the database of the first .env or as its first line
// says.
func (r *readme) sql(t *testing.T, statements string) {
	t.Helper()
	database := r.owner
	if strings.HasPrefix(statements, "-- as an administrator") {
		database = r.admin
	}
	r.run(t, statements, exec.CommandContext(t.Context(), "psql", "-X", "-v", "ON_ERROR_STOP=1", "-c", "\\pset pager off", "-f", "-", database), statements)
}

func (r *readme) run(t *testing.T, block string, cmd *exec.Cmd, stdin ...string) {
	t.Helper()
	var out bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.dir, &out, &out
	cmd.Stdin = strings.NewReader(strings.Join(stdin, ""))
	makefile := must[string](t, "find the Makefile")(filepath.Abs("../../Makefile"))
	cmd.Env = []string{"PATH=" + r.dir + "/path:" + os.Getenv("PATH"), "HOME=" + r.dir, "MAKEFILE=" + makefile, "TMPDIR=" + os.TempDir()}
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v in this block of the README:\n%s\nwhich printed:\n%s", err, block, out.String())
	}
	if demo, err := os.ReadFile(filepath.Join(r.dir, "demo.txt")); err == nil {
		r.demo = string(demo)
	}
}

// configure puts the keys of a block in the place of those in jobs.yaml.
func (r *readme) configure(t *testing.T, block string) {
	t.Helper()
	file := filepath.Join(r.dir, "jobs.yaml")
	var config, changed map[string]any
	for text, into := range map[string]*map[string]any{
		string(must[[]byte](t, "read jobs.yaml")(os.ReadFile(file))): &config, block: &changed,
	} {
		if err := yaml.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	maps.Copy(config, changed)
	data := must[[]byte](t, "write YAML")(yaml.Marshal(config))
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantShown wants each line of a block in what the demo printed, whatever the
// numbers in it.
func (r *readme) wantShown(t *testing.T, block string) {
	t.Helper()
	number, space := regexp.MustCompile(`[0-9][0-9,.]*`), regexp.MustCompile(`\s+`)
	shape := func(text string) string {
		return strings.TrimSpace(space.ReplaceAllString(number.ReplaceAllString(text, "N"), " "))
	}
	shown := map[string]bool{}
	for line := range strings.Lines(r.demo) {
		shown[shape(line)] = true
	}
	for line := range strings.Lines(block) {
		if !shown[shape(line)] && shape(line) != "" {
			t.Errorf("the demo does not print a line like %q; it printed:\n%s", line, r.demo)
		}
	}
}
