/* Numeric refactorization and solution of one matrix by CHOLMOD and KLU, one thread, medians in milliseconds.
 *
 *     cc -O2 benches/peers/suitesparse.c -o suitesparse -lcholmod -lklu -lbtf -lamd -lcolamd -lsuitesparseconfig -lm
 *     OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 ./suitesparse MATRIX.mtx [cholmod]
 *
 * The word `cholmod` leaves KLU out, which takes minutes for a million unknowns.
 *
 * Matrices are those of `ohmgrad op DECK --jacobian MATRIX.mtx`; ours is measured by
 * `cargo run --release --example factor_matrix -- MATRIX.mtx`.
 */
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <suitesparse/cholmod.h>
#include <suitesparse/klu.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e3 * t.tv_sec + 1e-6 * t.tv_nsec;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *times, int count) {
  qsort(times, count, sizeof *times, compare);
  return times[count / 2];
}

enum { MOST = 25 };

static int repeats(double first) { return first > 2000 ? 3 : first > 200 ? 7 : MOST; }

static void cholesky(cholmod_sparse *a, int ordering, const char *name) {
  cholmod_common c;
  cholmod_start(&c);
  c.nmethods = 1;
  c.method[0].ordering = ordering;
  c.postorder = 1;
  double began = now();
  cholmod_factor *l = cholmod_analyze(a, &c);
  double analysis = now() - began;
  cholmod_dense *b = cholmod_ones(a->nrow, 1, a->xtype, &c);
  double factor[MOST], solve[MOST];
  int count = MOST;
  for (int k = 0; k < count; k++) {
    began = now();
    cholmod_factorize(a, l, &c);
    factor[k] = now() - began;
    began = now();
    cholmod_dense *x = cholmod_solve(CHOLMOD_A, l, b, &c);
    solve[k] = now() - began;
    cholmod_free_dense(&x, &c);
    if (k == 0) count = repeats(factor[0]);
  }
  printf("CHOLMOD %-5s  analysis %11.4f  factor %11.4f  solve %10.4f  nonzeros of L %.3g%s\n", name, analysis,
         median(factor, count), median(solve, count), c.lnz, c.status ? "  FAILED" : "");
  cholmod_free_dense(&b, &c);
  cholmod_free_factor(&l, &c);
  cholmod_finish(&c);
}

static void klu(cholmod_sparse *a, int btf, int ordering, const char *name) {
  klu_common c;
  klu_defaults(&c);
  c.btf = btf;
  c.ordering = ordering;
  int n = (int)a->nrow;
  double began = now();
  klu_symbolic *symbolic = klu_analyze(n, a->p, a->i, &c);
  double analysis = now() - began;
  klu_numeric *numeric = klu_factor(a->p, a->i, a->x, symbolic, &c);
  double *b = malloc(n * sizeof *b), factor[MOST], solve[MOST];
  int count = numeric ? MOST : 0;
  for (int k = 0; k < count; k++) {
    for (int i = 0; i < n; i++) b[i] = 1;
    began = now();
    klu_refactor(a->p, a->i, a->x, symbolic, numeric, &c);
    factor[k] = now() - began;
    began = now();
    klu_solve(symbolic, numeric, n, 1, b, &c);
    solve[k] = now() - began;
    if (k == 0) count = repeats(factor[0]);
  }
  if (count)
    printf("KLU %-9s  analysis %11.4f  factor %11.4f  solve %10.4f  blocks %d\n", name, analysis, median(factor, count),
           median(solve, count), symbolic->nblocks);
  else
    printf("KLU %-9s  FAILED\n", name);
  free(b);
  klu_free_numeric(&numeric, &c);
  klu_free_symbolic(&symbolic, &c);
}

int main(int argc, char **argv) {
  FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;
  if (!file) {
    fprintf(stderr, "usage: suitesparse MATRIX.mtx\n");
    return 2;
  }
  cholmod_common c;
  cholmod_start(&c);
  cholmod_sparse *a = cholmod_read_sparse(file, &c);
  fclose(file);
  if (!a) return 1;
  printf("%s: %zu unknowns, %ld entries\n", argv[1], a->nrow, cholmod_nnz(a, &c));
  if (a->stype != 0) {
    cholesky(a, CHOLMOD_AMD, "AMD");
    cholesky(a, CHOLMOD_METIS, "METIS");
  }
  cholmod_sparse *whole = cholmod_copy(a, 0, 1, &c);
  if (argc < 3) {
    klu(whole, 1, 0, "BTF AMD");
    klu(whole, 0, 0, "AMD");
    klu(whole, 1, 1, "BTF COLAMD");
  }
  cholmod_free_sparse(&whole, &c);
  cholmod_free_sparse(&a, &c);
  cholmod_finish(&c);
  return 0;
}
