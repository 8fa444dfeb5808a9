# The keeper: parent of a server, and what ends it when its users are gone.
#
#   sh supervisor.sh SIGNAL TRASH BINDIR DATA LOCALE INITOPT [postgres options]
#
# Standard input is the reading end of a pipe. Whoever uses the server holds
# its writing end, so it ends when the last user is gone, killed ones too. Then
# the server gets SIGNAL (INT: orderly, QUIT: at once), and the directory TRASH,
# if not empty, is deleted.
signal=$1 trash=$2 bin=$3 data=$4 locale=$5 initopt=$6
shift 6
exec 3<&0 </dev/null

# guarded runs a command until it ends by itself or the pipe ends. The signal
# is repeated: one sent before the command has set up its handlers is lost, for
# a shell starts background commands with INT and QUIT ignored. Nothing but the
# keeper may hold the pipe: its users take an open one for a living server.
guarded() {
	"$@" 3<&- &
	child=$!
	{
		read -r _ <&3
		while kill -s "$signal" "$child"; do sleep 1 3<&-; done
	} >/dev/null 2>&1 &
	guard=$!
	wait "$child"
	status=$?
	kill "$guard" 2>/dev/null
	wait "$guard" 2>/dev/null
	return "$status"
}

# An interrupted initdb must not be taken for a database: it becomes one when
# it gets its name.
make_data() {
	rm -rf "$data.new"
	guarded "$bin/initdb" -D "$data.new" -U postgres -A trust -E UTF8 \
		--locale="$locale" "$initopt" || return
	mv "$data.new" "$data"
}

status=0
if [ -d "$data" ] || make_data; then
	guarded "$bin/postgres" -D "$data" "$@"
fi

# Somebody may still be writing into it: try again for a while.
for _ in 1 2 3 4 5; do
	[ -n "$trash" ] || break
	rm -rf "$trash" && break
	sleep 1 3<&-
done
exit "$status"
