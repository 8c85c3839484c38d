/* Makes one call of the C library fail in the process that preloads it, or the clock jump.

   FAULT_CALL   read, write, fsync, open (for writing), rename, mkdir, mmap or clock
   FAULT_AT     which of these calls fails, from 1 on; 0: none does
   FAULT_ERRNO  the error's number; of a clock, the seconds by which it jumps
   FAULT_UNDER  reads are those of files below this folder; all others are Python's own, of modules
   FAULT_TOLD   a file that is made when it strikes
   FAULT_COUNT  a file that gets a line with the number of calls of each kind as the process ends

   Only calls of the first process are touched: children are started without the variables. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static const char *const kinds[] = {"read", "write", "fsync", "open", "rename", "mkdir", "mmap", "clock"};
enum { KINDS = sizeof kinds / sizeof *kinds };
static atomic_long calls[KINDS];
static long fails_at, error_number;
static char which[16], count_file[512], told[512], under[512];

static int number_of(const char *kind) {
  int number = 0;
  while (number < KINDS - 1 && strcmp(kind, kinds[number])) number++;
  return number;
}

static void tell(void) {
  if (!count_file[0]) return;
  FILE *file = fopen(count_file, "w");
  if (!file) return;
  for (int kind = 0; kind < KINDS; kind++) fprintf(file, "%s %ld\n", kinds[kind], (long)calls[kind]);
  fclose(file);
}

__attribute__((constructor)) static void begin(void) {
  const char *call = getenv("FAULT_CALL"), *at = getenv("FAULT_AT"), *error = getenv("FAULT_ERRNO");
  const char *count = getenv("FAULT_COUNT"), *tell_in = getenv("FAULT_TOLD");
  const char *below = getenv("FAULT_UNDER");
  if (!call) return;
  strncpy(which, call, sizeof which - 1);
  fails_at = at ? atol(at) : 0;
  error_number = error ? atol(error) : EIO;
  if (tell_in) strncpy(told, tell_in, sizeof told - 1);
  if (below) strncpy(under, below, sizeof under - 1);
  if (count) strncpy(count_file, count, sizeof count_file - 1), atexit(tell);
  unsetenv("FAULT_CALL");
  unsetenv("LD_PRELOAD");
}

static void tell_of_it(void) {
  if (told[0]) syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, told, O_WRONLY | O_CREAT, 0600));
}

/* Says whether this call of the kind is the one that fails. */
static int strikes(const char *call) {
  if (++calls[number_of(call)] != fails_at || strcmp(call, which)) return 0;
  tell_of_it();
  return 1;
}

/* Says whether a descriptor is a file's below the folder that matters. */
static int below(int fd) {
  char link[64], path[512];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = under[0] ? readlink(link, path, sizeof path) : -1;
  size_t wanted = strlen(under);
  return length > (ssize_t)wanted && !strncmp(path, under, wanted);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define REFUSE(call, value) \
  if (strikes(call)) return errno = error_number, value

ssize_t write(int fd, const void *data, size_t size) {
  REFUSE("write", -1);
  return NEXT(write)(fd, data, size);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  REFUSE("write", -1);
  return NEXT(pwrite64)(fd, data, size, at);
}
ssize_t read(int fd, void *data, size_t size) {
  if (below(fd)) REFUSE("read", -1);
  return NEXT(read)(fd, data, size);
}
ssize_t pread64(int fd, void *data, size_t size, off64_t at) {
  if (below(fd)) REFUSE("read", -1);
  return NEXT(pread64)(fd, data, size, at);
}
int fsync(int fd) {
  REFUSE("fsync", -1);
  return NEXT(fsync)(fd);
}
int fdatasync(int fd) {
  REFUSE("fsync", -1);
  return NEXT(fdatasync)(fd);
}
int rename(const char *from, const char *to) {
  REFUSE("rename", -1);
  return NEXT(rename)(from, to);
}
int mkdir(const char *path, mode_t mode) {
  REFUSE("mkdir", -1);
  return NEXT(mkdir)(path, mode);
}
void *mmap64(void *at, size_t size, int protection, int flags, int fd, off64_t offset) {
  if (fd >= 0) REFUSE("mmap", MAP_FAILED);
  return NEXT(mmap64)(at, size, protection, flags, fd, offset);
}
int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  // Those for reading are most of them Python's own, of modules.
  if (flags & (O_WRONLY | O_RDWR | O_CREAT)) REFUSE("open", -1);
  return NEXT(open64)(path, flags, mode);
}
int clock_gettime(clockid_t clock, struct timespec *now) {
  int done = NEXT(clock_gettime)(clock, now);
  if (clock != CLOCK_REALTIME) return done;
  if (++calls[number_of("clock")] >= fails_at && fails_at && !strcmp(which, "clock")) {
    if (calls[number_of("clock")] == fails_at) tell_of_it();
    now->tv_sec += error_number;
  }
  return done;
}
