/* The tables of messages.h, made into descriptions. */
#include "lib/ipc/messages.h"

#include "lib/base/mem.h"

IPC_ALL_MESSAGES(IPC_DEFINE)

#define IPC_GETTER(message, FIELDS) ipc_##message##_type,

struct view
ipc_class_name(enum ipc_class class)
{
	static const struct view names[] = {
		[IPC_CLASS_LOCAL] = VIEW("local"),
		[IPC_CLASS_VIRTUAL_ALIAS] = VIEW("virtual alias"),
		[IPC_CLASS_VIRTUAL_MAILBOX] = VIEW("virtual mailbox"),
		[IPC_CLASS_RELAY] = VIEW("relay"),
		[IPC_CLASS_DEFAULT] = VIEW("default"),
	};

	return names[class];
}

const struct ipc_type *
ipc_type_at(size_t i)
{
	static const struct ipc_type *(*const all[])(void) = {
		IPC_ALL_MESSAGES(IPC_GETTER)
	};

	return i < ARRAY_LEN(all) ? all[i]() : NULL;
}
