/* debugger_command: see debugger.h. */
#include "lib/daemon/debugger.h"

#include "lib/base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* It has no other descriptors than 0 to 2, and none of our signals' effects. */
_Noreturn static void
become_command(const struct conf *conf)
{
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	setenv("MAIL_CONFIG", conf_config_dir(conf), 1);
	execl("/bin/sh", "sh", "-c", conf->debugger_command, (char *)NULL);
	_exit(127);
}

void
debugger_run(const struct conf *conf)
{
	pid_t pid;
	int status;

	if (conf->debugger_command[0] == '\0') {
		log_warn("option -D: debugger_command is empty");
		return;
	}
	log_info("running: %s", conf->debugger_command);
	log_flush();
	pid = fork();
	if (pid == 0)
		become_command(conf);
	if (pid < 0) {
		log_warn("debugger_command: fork: %s", strerror(errno));
		return;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR) {
			log_warn("debugger_command: wait: %s", strerror(errno));
			return;
		}
	if (WIFSIGNALED(status))
		log_warn(
		    "debugger_command: ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		log_warn(
		    "debugger_command: exit status %d", WEXITSTATUS(status));
}
