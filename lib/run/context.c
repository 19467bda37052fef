/*
 * Stack switching: see context.h.  Only what the calling convention makes a
 * function preserve is saved; the compiler has saved the rest.
 */
#include "lib/run/context.h"

#include <stdint.h>
#include <string.h>

#ifdef CONTEXT_PORTABLE

void
context_make(struct context *c, void *stack, size_t size, void (*run)(void))
{
	getcontext(&c->portable);
	c->portable.uc_stack.ss_sp = stack;
	c->portable.uc_stack.ss_size = size;
	c->portable.uc_link = NULL;
	makecontext(&c->portable, run, 0);
}

void
context_switch(struct context *from, const struct context *to)
{
	swapcontext(&from->portable, &to->portable);
}

#elif defined(__x86_64__)

/*
 * System V ABI: rbx, rbp, r12 to r15, and the control bits of both floating
 * point units.  The labels for debuggers say where the caller's frame is.
 */
__asm__(".text\n"
	".p2align 4\n"
	".globl context_switch\n"
	".hidden context_switch\n"
	".type context_switch, @function\n"
	"context_switch:\n"
	".cfi_startproc\n"
	"	pushq %rbp\n"
	".cfi_adjust_cfa_offset 8\n"
	".cfi_rel_offset %rbp, 0\n"
	"	pushq %rbx\n"
	".cfi_adjust_cfa_offset 8\n"
	".cfi_rel_offset %rbx, 0\n"
	"	pushq %r12\n"
	".cfi_adjust_cfa_offset 8\n"
	".cfi_rel_offset %r12, 0\n"
	"	pushq %r13\n"
	".cfi_adjust_cfa_offset 8\n"
	".cfi_rel_offset %r13, 0\n"
	"	pushq %r14\n"
	".cfi_adjust_cfa_offset 8\n"
	".cfi_rel_offset %r14, 0\n"
	"	pushq %r15\n"
	".cfi_adjust_cfa_offset 8\n"
	".cfi_rel_offset %r15, 0\n"
	"	subq $8, %rsp\n"
	".cfi_adjust_cfa_offset 8\n"
	"	stmxcsr (%rsp)\n"
	"	fnstcw 4(%rsp)\n"
	"	movq %rsp, (%rdi)\n"
	"	movq (%rsi), %rsp\n"
	"	ldmxcsr (%rsp)\n"
	"	fldcw 4(%rsp)\n"
	"	addq $8, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".cfi_endproc\n"
	".size context_switch, . - context_switch\n");

void
context_make(struct context *c, void *stack, size_t size, void (*run)(void))
{
	uint64_t *top = (uint64_t *)(void *)((char *)stack + size);
	uint32_t control[2] = { 0 };

	__asm__("stmxcsr %0\n\tfnstcw %1" : "=m"(control[0]), "=m"(control[1]));
	/* As a call would leave it: aligned to 16 before the return address,
	 * and no caller for a debugger to look for. */
	*--top = 0;
	*--top = (uint64_t)(uintptr_t)run;
	for (int i = 0; i < 6; i++)
		*--top = 0;
	memcpy(--top, control, sizeof(control));
	c->stack_pointer = top;
}

#else /* __aarch64__ */

/* AAPCS64: x19 to x30, and the lower halves of v8 to v15. */
__asm__(".text\n"
	".p2align 4\n"
	".globl context_switch\n"
	".hidden context_switch\n"
	".type context_switch, %function\n"
	"context_switch:\n"
	"	sub sp, sp, #160\n"
	"	stp x19, x20, [sp, #0]\n"
	"	stp x21, x22, [sp, #16]\n"
	"	stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]\n"
	"	stp x27, x28, [sp, #64]\n"
	"	stp x29, x30, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	mov x9, sp\n"
	"	str x9, [x0]\n"
	"	ldr x9, [x1]\n"
	"	mov sp, x9\n"
	"	ldp x19, x20, [sp, #0]\n"
	"	ldp x21, x22, [sp, #16]\n"
	"	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]\n"
	"	ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #160\n"
	"	ret x30\n"
	".size context_switch, . - context_switch\n");

void
context_make(struct context *c, void *stack, size_t size, void (*run)(void))
{
	uint64_t *top = (uint64_t *)(void *)((char *)stack + size) - 20;

	memset(top, 0, 20 * sizeof(*top));
	top[11] = (uint64_t)(uintptr_t)run; /* x30 */
	c->stack_pointer = top;
}

#endif
