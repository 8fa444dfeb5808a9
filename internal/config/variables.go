package config

import (
	"regexp"
	"slices"
	"strings"
)

// expand replaces ${NAME} and ${NAME:-default} in text by the variable's
// value, and $$ by a dollar. It works on one value at a time, after the YAML
// is parsed, so that no value can change the file's structure. It returns the
// names of the variables it used, and a problem for each that has no value.
func expand(text string, env func(string) (string, bool)) (out string, vars []string, problems Errors) {
	name := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		b.WriteString(before)
		switch {
		case !found:
			return b.String(), vars, problems
		case strings.HasPrefix(rest, "$"):
			b.WriteByte('$')
			text = rest[1:]
			continue
		case !strings.HasPrefix(rest, "{"):
			return "", vars, append(problems, Problem{
				Message: "a dollar sign must begin ${NAME}",
				Hint:    "write $$ for a dollar sign",
			})
		}
		inside, after, closed := strings.Cut(rest[1:], "}")
		variable, fallback, hasFallback := strings.Cut(inside, ":-")
		if !closed || !name.MatchString(variable) {
			return "", vars, append(problems, Problem{
				Message: "must be ${NAME} or ${NAME:-default}",
				Hint:    "a name has letters, digits and _; write $$ for a dollar sign",
			})
		}
		value, set := env(variable)
		switch {
		case strings.HasSuffix(value, "\n"), strings.HasSuffix(value, "\r"):
			problems = append(problems, Problem{
				Field: missingVariable, Message: variable + " ends with a line break",
				Hint: "set it without: a shell's $(cat FILE) leaves it out, a Kubernetes secret made with --from-file keeps it",
			})
		case value != "":
			b.WriteString(value)
			if !slices.Contains(vars, variable) {
				vars = append(vars, variable)
			}
		case hasFallback:
			b.WriteString(fallback)
		default:
			problems = append(problems, unsetVariableProblem(variable, set))
		}
		text = after
	}
}

func unsetVariableProblem(variable string, set bool) Problem {
	state := "not set"
	if set {
		state = "empty"
	}
	return Problem{
		Field:   missingVariable,
		Message: variable + " is " + state,
		Hint:    "export " + variable + ", or write ${" + variable + ":-default}",
	}
}
