/*
 * Where the installation put things: configure says so with -D; these are the
 * places of a Postfix that is being replaced.
 */
#ifndef CONF_PATHS_H
#define CONF_PATHS_H

#ifndef BARID_VERSION
#define BARID_VERSION "0.1"
#endif
#ifndef BARID_RELEASE_DATE
#define BARID_RELEASE_DATE "20261121"
#endif
#ifndef BARID_CONFIG_DIR
#define BARID_CONFIG_DIR "/etc/postfix"
#endif
#ifndef BARID_QUEUE_DIR
#define BARID_QUEUE_DIR "/var/spool/postfix"
#endif
#ifndef BARID_DATA_DIR
#define BARID_DATA_DIR "/var/lib/postfix"
#endif
#ifndef BARID_DAEMON_DIR
#define BARID_DAEMON_DIR "/usr/libexec/barid"
#endif
#ifndef BARID_SBIN_DIR
#define BARID_SBIN_DIR "/usr/sbin"
#endif
#ifndef BARID_BIN_DIR
#define BARID_BIN_DIR "/usr/bin"
#endif
#ifndef BARID_SENDMAIL
#define BARID_SENDMAIL BARID_SBIN_DIR "/sendmail"
#endif
#ifndef BARID_MAILQ
#define BARID_MAILQ BARID_BIN_DIR "/mailq"
#endif
#ifndef BARID_NEWALIASES
#define BARID_NEWALIASES BARID_BIN_DIR "/newaliases"
#endif
#ifndef BARID_MAIL_OWNER
#define BARID_MAIL_OWNER "barid"
#endif
#ifndef BARID_SETGID_GROUP
#define BARID_SETGID_GROUP "baridrop"
#endif
#ifndef BARID_MAN_DIR
#define BARID_MAN_DIR "/usr/share/man"
#endif

/* Bounds that only keep a number from overflowing. */
#define CONF_COMPUTED "\a"
#define CONF_TIME_MAX (INT64_C(100) * 365 * 86400)
#define CONF_INT_MAX INT32_MAX
#define CONF_SIZE_MAX INT64_MAX
#define CONF_LEN_MAX (1 << 20)

#endif
