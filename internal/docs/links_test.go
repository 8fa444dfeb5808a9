package docs

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// pages returns the Markdown files people read, relative to the root.
func pages(t *testing.T) (files []string) {
	t.Helper()
	for _, pattern := range []string{"*.md", "docs/*.md", "deploy/*/*.md"} {
		found, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 10 {
		t.Fatalf("found only the pages %v", files)
	}
	return files
}

var (
	fence   = regexp.MustCompile("(?ms)^[ ]*```.*?^[ ]*```$")
	code    = regexp.MustCompile("`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)(?:\s+"[^"]*")?\)|(?:href|src|srcset)="([^"]+)"`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *#*$`)
	named   = regexp.MustCompile(`<[^>]+ (?:id|name)="([^"]+)"`)
	styled  = regexp.MustCompile(`\[([^]]*)\]\([^)]*\)|[*]`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors returns what a link to the page may name after #: each heading as
// GitHub makes an anchor of it, and the ids of HTML elements.
func anchors(page string) map[string]bool {
	page = fence.ReplaceAllString(page, "")
	found := map[string]bool{}
	times := map[string]int{}
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		text := styled.ReplaceAllString(m[1], "$1")
		slug := strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(text), ""), " ", "-")
		if n := times[slug]; n > 0 {
			found[slug+"-"+strconv.Itoa(n)] = true
		}
		times[slug]++
		found[slug] = true
	}
	for _, m := range named.FindAllStringSubmatch(page, -1) {
		found[m[1]] = true
	}
	return found
}

func TestLinksBetweenPagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	followed := 0
	known := map[string]map[string]bool{} // anchors by page
	for _, page := range pages(t) {
		known[page] = anchors(readFile(t, page))
	}
	for page := range known {
		for _, target := range linksOf(t, page) {
			if problem := follow(page, target, known); problem != "" {
				t.Errorf("%s: link to %s: %s", page, target, problem)
			}
			followed++
		}
	}
	if followed < 80 {
		t.Errorf("%d links are too few to prove anything", followed)
	}
}

func TestTheREADMELinksToEveryPageUnderDocs(t *testing.T) {
	t.Parallel()
	linked := map[string]bool{}
	for _, target := range linksOf(t, "README.md") {
		file, _, _ := strings.Cut(target, "#")
		linked[file] = true
	}
	for _, page := range pages(t) {
		if strings.HasPrefix(page, "docs/") && !linked[page] {
			t.Errorf("README.md has no link to %s", page)
		}
	}
}

// linksOf returns the links of a page but for those to other sites.
func linksOf(t *testing.T, page string) (targets []string) {
	t.Helper()
	text := code.ReplaceAllString(fence.ReplaceAllString(readFile(t, page), ""), "")
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		target := m[1] + m[2]
		if u, err := url.Parse(target); err != nil || u.Scheme == "" {
			targets = append(targets, target)
		}
	}
	return targets
}

// follow returns what is wrong with a link; empty if nothing is.
func follow(page, target string, known map[string]map[string]bool) string {
	file, anchor, hasAnchor := strings.Cut(target, "#")
	to := page
	if file != "" {
		to = filepath.Join(filepath.Dir(page), file)
	}
	if strings.HasPrefix(to, "..") {
		return "leaves the repository"
	}
	info, err := os.Stat(filepath.Join(root, to))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case err != nil:
		return err.Error()
	case !hasAnchor:
		return ""
	case info.IsDir() || known[to] == nil:
		return "only a page has anchors"
	case !known[to][anchor]:
		return "there is no such anchor"
	}
	return ""
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
