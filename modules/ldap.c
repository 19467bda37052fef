/* The client of directories: libldap, with a limit for each wait. */
#include "lib/table/module.h"
#include "modules/common.h"

#include <ldap.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/time.h>

extern const struct table_module table_module;

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
	int dereference = number(s, "dereference", 0);

	/* StartTLS is of version 3. */
	if (is_yes(s, "start_tls"))
		version = LDAP_VERSION3;
	return ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &wait) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_TIMEOUT, &wait) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_DEREF, &dereference) == 0 &&
	    ldap_set_option(ld, LDAP_OPT_REFERRALS,
		is_yes(s, "chase_referrals") ? LDAP_OPT_ON : LDAP_OPT_OFF) ==
	    0 &&
	    (!uses_tls(s, url) || set_tls(ld, s));
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
log_in(LDAP *ld, const struct module_server *s, int64_t until)
{
	const char *how = param(s, "bind");
	const char *name = param(s, "bind_dn"), *secret = param(s, "bind_pw");
	struct berval cred = { 0, NULL };
	int id, rc;

	if (how != NULL &&
	    (strcasecmp(how, "no") == 0 || strcasecmp(how, "none") == 0))
		return LDAP_SUCCESS;
	if (how != NULL && strcasecmp(how, "sasl") == 0)
		return LDAP_AUTH_METHOD_NOT_SUPPORTED;
	if (name != NULL && secret != NULL) {
		cred.bv_val = (char *)(uintptr_t)secret;
		cred.bv_len = strlen(secret);
	}
	rc = ldap_sasl_bind(ld, name == NULL ? "" : name, LDAP_SASL_SIMPLE,
	    &cred, NULL, NULL, &id);
	return rc == LDAP_SUCCESS ? wait_for_bind(ld, id, until) : rc;
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
	if (rc == LDAP_SUCCESS && is_yes(s, "start_tls")) {
		what = "start TLS";
		rc = ldap_start_tls_s(ld, NULL, NULL);
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

static enum module_end
search(void *connection, const struct module_search *s, int timeout_ms,
    module_entry_fn *visit, void *arg, char *why)
{
	int64_t until = now_ms() + timeout_ms;
	struct timeval wait = time_left(until);
	LDAP *ld = connection;
	LDAPMessage *answer = NULL, *entry;
	bool more = true;
	int rc;

	ldap_set_option(ld, LDAP_OPT_TIMEOUT, &wait);
	rc = ldap_search_ext_s(ld, s->base, scope_of(s->scope), s->filter,
	    (char **)(uintptr_t)s->attributes, 0, NULL, NULL, &wait,
	    (int)s->size_limit, &answer);
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

	if (ldap_initialize(&ld, "ldap://localhost") == LDAP_SUCCESS)
		close_ldap(ld);
}

const struct table_module table_module = { .version = MODULE_VERSION,
	.name = "ldap",
	.prepare = prepare,
	.connect = connect_ldap,
	.close = close_ldap,
	.search = search };
