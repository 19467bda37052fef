/*
 * The client of directories: libldap.  To connect blocks, with a limit for each
 * wait; a search does not, but where referrals are followed, which libldap does
 * with connections of its own.
 */
#include "lib/table/module.h"
#include "modules/common.h"

#include <fcntl.h>
#include <ldap.h>
#include <poll.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/time.h>
#ifdef HAVE_SASL
#include <sasl/sasl.h>
#endif

extern struct table_module table_module;

/* Bytes of one entry: memory for them is taken as soon as the server has said
 * how many there are. */
#define ENTRY_MAX ((ber_len_t)16 << 20)

static struct timeval
time_left(int64_t until)
{
	int64_t left = until - now_ms();

	/* Zero would be "look, and do not wait". */
	if (left < 1)
		left = 1;
	return (struct timeval){ left / 1000, left % 1000 * 1000 };
}

static bool
is_yes(const struct module_server *s, const char *name)
{
	const char *value = param(s, name);

	return value != NULL && strcasecmp(value, "yes") == 0;
}

static int
number(const struct module_server *s, const char *name, int otherwise)
{
	const char *value = param(s, name);

	return value == NULL ? otherwise : (int)strtol(value, NULL, 10);
}

static bool
make_url(const struct module_server *s, char *url, size_t size)
{
	bool six = strchr(s->host, ':') != NULL;
	int n;

	if (strstr(s->host, "://") != NULL)
		n = snprintf(url, size, "%s", s->host);
	else
		n = snprintf(url, size, "ldap://%s%s%s:%u", six ? "[" : "",
		    s->host, six ? "]" : "", s->port == 0 ? 389 : s->port);
	return n > 0 && (size_t)n < size;
}

static bool
set_text(LDAP *ld, int option, const char *value)
{
	return value == NULL || ldap_set_option(ld, option, value) == 0;
}

/* The context for TLS is made of these at the end, for this connection. */
static bool
set_tls(LDAP *ld, const struct module_server *s)
{
	int require = is_yes(s, "tls_require_cert") ? LDAP_OPT_X_TLS_DEMAND
						    : LDAP_OPT_X_TLS_NEVER;
	int client = 0;

	return set_text(ld, LDAP_OPT_X_TLS_CACERTFILE,
		   param(s, "tls_ca_cert_file")) &&
	    set_text(
		ld, LDAP_OPT_X_TLS_CACERTDIR, param(s, "tls_ca_cert_dir")) &&
	    set_text(ld, LDAP_OPT_X_TLS_CERTFILE, param(s, "tls_cert")) &&
	    set_text(ld, LDAP_OPT_X_TLS_KEYFILE, param(s, "tls_key")) &&
	    set_text(ld, LDAP_OPT_X_TLS_CIPHER_SUITE,
		param(s, "tls_cipher_suite")) &&
	    ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &require) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client) == 0;
}

static bool
uses_tls(const struct module_server *s, const char *url)
{
	return strncasecmp(url, "ldaps://", 8) == 0 || is_yes(s, "start_tls");
}

static bool
set_options(
    LDAP *ld, const struct module_server *s, const char *url, int64_t until)
{
	struct timeval wait = time_left(until);
	int version = number(s, "version", LDAP_VERSION3);
	int dereference = number(s, "dereference", LDAP_DEREF_NEVER);

	/* StartTLS and SASL are of version 3. */
	if (is_yes(s, "start_tls") || version != LDAP_VERSION2)
		version = LDAP_VERSION3;
	if (dereference < LDAP_DEREF_NEVER || dereference > LDAP_DEREF_ALWAYS)
		dereference = LDAP_DEREF_NEVER;
	return ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &wait) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_TIMEOUT, &wait) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_DEREF, &dereference) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_REFERRALS,
		is_yes(s, "chase_referrals") ? LDAP_OPT_ON : LDAP_OPT_OFF) ==
	    0 &&
	    (!uses_tls(s, url) || set_tls(ld, s));
}

/* Half of an answer must not be waited for beyond the deadline. */
static void
set_nonblocking(LDAP *ld)
{
	int fd = -1, flags;

	if (ldap_get_option(ld, LDAP_OPT_DESC, &fd) != 0 || fd < 0)
		return;
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static bool
limit_entries(LDAP *ld)
{
	ber_len_t limit = ENTRY_MAX;
	Sockbuf *sb = NULL;

	return ldap_get_option(ld, LDAP_OPT_SOCKBUF, &sb) == 0 && sb != NULL &&
	    ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_MAX_INCOMING, &limit) == 1;
}

static int
wait_for_bind(LDAP *ld, int id, int64_t until)
{
	struct timeval wait = time_left(until);
	LDAPMessage *answer = NULL;
	int code = LDAP_OTHER, rc = ldap_result(ld, id, LDAP_MSG_ALL, &wait,
	    &answer);

	if (rc == 0)
		return LDAP_TIMEOUT;
	if (rc < 0) {
		ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &code);
		return code == LDAP_SUCCESS ? LDAP_SERVER_DOWN : code;
	}
	rc = ldap_parse_result(ld, answer, &code, NULL, NULL, NULL, NULL, 1);
	return rc == LDAP_SUCCESS ? code : rc;
}

static int
log_in_simply(LDAP *ld, const struct module_server *s, int64_t until)
{
	const char *name = param(s, "bind_dn"), *secret = param(s, "bind_pw");
	struct berval cred = { 0, NULL };
	int id, rc;

	if (name != NULL && secret != NULL) {
		cred.bv_val = (char *)(uintptr_t)secret;
		cred.bv_len = strlen(secret);
	}
	rc = ldap_sasl_bind(ld, name == NULL ? "" : name, LDAP_SASL_SIMPLE,
	    &cred, NULL, NULL, &id);
	return rc == LDAP_SUCCESS ? wait_for_bind(ld, id, until) : rc;
}

#ifdef HAVE_SASL
/* What libsasl asks of us; what it does not get, a mechanism may do without. */
static int
answer_sasl(LDAP *ld, unsigned flags, void *defaults, void *questions)
{
	static const struct {
		unsigned long id;
		const char *name;
	} known[] = { { SASL_CB_USER, "sasl_authz_id" },
		{ SASL_CB_AUTHNAME, "bind_dn" }, { SASL_CB_PASS, "bind_pw" },
		{ SASL_CB_GETREALM, "sasl_realm" } };
	const struct module_server *s = defaults;

	(void)ld;
	(void)flags;
	for (sasl_interact_t *q = questions; q->id != SASL_CB_LIST_END; q++) {
		const char *value = NULL;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (known[i].id == q->id)
				value = param(s, known[i].name);
		if (value == NULL)
			value = q->defresult != NULL ? q->defresult : "";
		q->result = value;
		q->len = (unsigned)strlen(value);
	}
	return LDAP_SUCCESS;
}

static int
log_in_by_sasl(LDAP *ld, const struct module_server *s, int64_t until)
{
	ber_len_t ssf = (ber_len_t)number(s, "sasl_minssf", 0);
	const char *mechanism = NULL;
	LDAPMessage *answer = NULL;
	int id, rc;

	if (ldap_set_option(ld, LDAP_OPT_X_SASL_SSF_MIN, &ssf) != 0)
		return LDAP_PARAM_ERROR;
	for (;;) {
		struct timeval wait;

		rc = ldap_sasl_interactive_bind(ld, NULL,
		    param(s, "sasl_mechs"), NULL, NULL, LDAP_SASL_QUIET,
		    answer_sasl, (void *)(uintptr_t)s, answer, &mechanism,
		    &id);
		ldap_msgfree(answer);
		answer = NULL;
		if (rc != LDAP_SASL_BIND_IN_PROGRESS)
			return rc;
		if (now_ms() >= until)
			return LDAP_TIMEOUT;
		wait = time_left(until);
		rc = ldap_result(ld, id, LDAP_MSG_ALL, &wait, &answer);
		if (rc == 0)
			return LDAP_TIMEOUT;
		if (rc < 0)
			return LDAP_SERVER_DOWN;
	}
}

static void
prepare_sasl(void)
{
	sasl_client_init(NULL);
}
#else
static int
log_in_by_sasl(LDAP *ld, const struct module_server *s, int64_t until)
{
	(void)ld;
	(void)s;
	(void)until;
	return LDAP_AUTH_METHOD_NOT_SUPPORTED;
}

static void
prepare_sasl(void)
{
}
#endif

static int
log_in(LDAP *ld, const struct module_server *s, int64_t until)
{
	const char *how = param(s, "bind");

	if (how == NULL || strcasecmp(how, "yes") == 0 ||
	    strcasecmp(how, "simple") == 0)
		return log_in_simply(ld, s, until);
	if (strcasecmp(how, "sasl") == 0)
		return log_in_by_sasl(ld, s, until);
	return LDAP_SUCCESS;
}

/* What the server or TLS said of it, beside the code's name. */
static void
say(LDAP *ld, char *why, const char *what, int code)
{
	char text[MODULE_WHY_MAX];
	char *more = NULL;

	if (ld != NULL)
		ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
	snprintf(text, sizeof(text), "%s%s%s", ldap_err2string(code),
	    more != NULL && *more != '\0' ? ", " : "",
	    more != NULL ? more : "");
	if (more != NULL)
		ldap_memfree(more);
	why_set(why, what, text);
}

static void
close_ldap(void *connection)
{
	ldap_unbind_ext(connection, NULL, NULL);
}

static void *
connect_ldap(const struct module_server *s, char *why)
{
	int64_t until = now_ms() + s->timeout_ms;
	const char *what = "connect";
	char url[1024];
	LDAP *ld = NULL;
	int rc = LDAP_PARAM_ERROR;

	if (make_url(s, url, sizeof(url)))
		rc = ldap_initialize(&ld, url);
	if (rc == LDAP_SUCCESS && !set_options(ld, s, url, until))
		rc = LDAP_PARAM_ERROR;
	if (rc == LDAP_SUCCESS)
		rc = ldap_connect(ld);
	if (rc == LDAP_SUCCESS && !limit_entries(ld))
		rc = LDAP_LOCAL_ERROR;
	if (rc == LDAP_SUCCESS)
		set_nonblocking(ld);
	if (rc == LDAP_SUCCESS && is_yes(s, "start_tls")) {
		what = "start TLS";
		rc = ldap_start_tls_s(ld, NULL, NULL);
		/* The handshake has changed that. */
		set_nonblocking(ld);
	}
	if (rc == LDAP_SUCCESS) {
		what = "bind";
		rc = log_in(ld, s, until);
	}
	if (rc == LDAP_SUCCESS)
		return ld;
	say(ld, why, what, rc);
	if (ld != NULL)
		close_ldap(ld);
	return NULL;
}

static bool
hand_values(LDAP *ld, LDAPMessage *entry, const char *name,
    module_entry_fn *visit, void *arg)
{
	struct berval **values = ldap_get_values_len(ld, entry, name);
	bool more = true;

	for (size_t i = 0; more && values != NULL && values[i] != NULL; i++)
		more = visit(arg, view_of(name),
		    view_make(values[i]->bv_val, values[i]->bv_len));
	ldap_value_free_len(values);
	return more;
}

static bool
hand_entry(LDAP *ld, LDAPMessage *entry, module_entry_fn *visit, void *arg)
{
	char *name = ldap_get_dn(ld, entry);
	bool more = visit(arg, VIEW_EMPTY, view_of(name == NULL ? "" : name));
	BerElement *at = NULL;

	ldap_memfree(name);
	for (name = ldap_first_attribute(ld, entry, &at);
	     more && name != NULL;) {
		more = hand_values(ld, entry, name, visit, arg);
		ldap_memfree(name);
		name = ldap_next_attribute(ld, entry, at);
	}
	ldap_memfree(name);
	ber_free(at, 0);
	return more;
}

static int
scope_of(const char *name)
{
	if (strcmp(name, "base") == 0)
		return LDAP_SCOPE_BASE;
	return strcmp(name, "one") == 0 ? LDAP_SCOPE_ONELEVEL
					: LDAP_SCOPE_SUBTREE;
}

static enum module_end
judge(LDAP *ld, int rc, bool may_lack_base, char *why)
{
	if (rc == LDAP_SUCCESS || (rc == LDAP_NO_SUCH_OBJECT && may_lack_base))
		return MODULE_DONE;
	say(ld, why, "search", rc);
	switch (rc) {
	case LDAP_SERVER_DOWN:
	case LDAP_TIMEOUT:
	case LDAP_CONNECT_ERROR:
	case LDAP_UNAVAILABLE:
	case LDAP_BUSY:
	case LDAP_DECODING_ERROR:
	case LDAP_LOCAL_ERROR:
		return MODULE_LOST;
	default:
		return MODULE_REFUSED;
	}
}

/* All of what is found.  LDAP_TIMEOUT past the time. */
static int
wait_for_answer(LDAP *ld, int id, int64_t until, LDAPMessage **answer)
{
	struct timeval none = { 0, 0 };
	int code = LDAP_OTHER, fd = -1, rc;

	while ((rc = ldap_result(ld, id, LDAP_MSG_ALL, &none, answer)) == 0)
		if (ldap_get_option(ld, LDAP_OPT_DESC, &fd) != 0 || fd < 0 ||
		    !table_module.wait(fd, POLLIN, until - now_ms())) {
			ldap_abandon_ext(ld, id, NULL, NULL);
			return LDAP_TIMEOUT;
		}
	if (rc > 0) {
		rc = ldap_parse_result(
		    ld, *answer, &code, NULL, NULL, NULL, NULL, 0);
		return rc == LDAP_SUCCESS ? code : rc;
	}
	ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &code);
	return code == LDAP_SUCCESS ? LDAP_SERVER_DOWN : code;
}

static int
fetch(LDAP *ld, const struct module_search *s, int64_t until,
    LDAPMessage **answer)
{
	struct timeval wait = time_left(until);
	int id, rc;

	/* Where referrals lead, libldap connects and waits by itself. */
	ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &wait);
	rc = ldap_search_ext(ld, s->base, scope_of(s->scope), s->filter,
	    (char **)(uintptr_t)s->attributes, 0, NULL, NULL, &wait,
	    (int)s->size_limit, &id);
	return rc == LDAP_SUCCESS ? wait_for_answer(ld, id, until, answer) : rc;
}

static enum module_end
search(void *connection, const struct module_search *s, int timeout_ms,
    module_entry_fn *visit, void *arg, char *why)
{
	LDAP *ld = connection;
	LDAPMessage *answer = NULL, *entry;
	bool more = true;
	int rc = fetch(ld, s, now_ms() + timeout_ms, &answer);

	if (rc == LDAP_SUCCESS)
		for (entry = ldap_first_entry(ld, answer);
		     more && entry != NULL; entry = ldap_next_entry(ld, entry))
			more = hand_entry(ld, entry, visit, arg);
	ldap_msgfree(answer);
	return more ? judge(ld, rc, s->may_lack_base, why) : MODULE_STOPPED;
}

/* Reads the library's own configuration. */
static void
prepare(void)
{
	LDAP *ld = NULL;

	prepare_sasl();
	if (ldap_initialize(&ld, "ldap://localhost") == LDAP_SUCCESS)
		close_ldap(ld);
}

struct table_module table_module = { .version = MODULE_VERSION,
	.name = "ldap",
	.prepare = prepare,
	.connect = connect_ldap,
	.close = close_ldap,
	.search = search };
