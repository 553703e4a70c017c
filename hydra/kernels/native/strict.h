/* Elementary functions with the same bits on every machine: nothing but + - * / and the square root
 * in double precision, round to nearest, no fused multiply-add, in the order written here.
 *
 * They are our own because libm's last bit differs between machines: kernels must not call it.
 * `streams/strict.py` says the same in Python. All of it is branch-free where that lets compilers
 * use vectors; nothing here allocates or keeps state. Rejected: CORE-MATH, whose functions are
 * correctly rounded and so the same everywhere as well. They read tables and branch to a slow,
 * exact path, which keeps compilers from using vectors, and it has no normal quantile.
 *
 * Sources: exp and log after FreeBSD's msun (e_exp.c, e_log.c; Sun Microsystems 1993, freely
 * usable), below 1 ulp; the normal quantile is AS 241, PPND16 (M. J. Wichura, Applied Statistics
 * 37, 1988), about 1 part in 10^16 by itself, 1e-15 as computed here.
 */
#ifndef HYDRA_STRICT_H
#define HYDRA_STRICT_H

#include <float.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0 || defined(__FAST_MATH__)
#error "Hydra's strict arithmetic needs plain doubles: no x87, no -ffast-math"
#endif
#if defined(__FP_FAST_FMA) && !defined(HYDRA_FP_CONTRACT_OFF)
#error "compile with -ffp-contract=off -DHYDRA_FP_CONTRACT_OFF; streams.build_options() gives both"
#endif

#define HYDRA_INLINE static inline __attribute__((always_inline))

/* 1.5 * 2^52: adding it to a small number leaves the nearest integer in the low bits. */
#define HYDRA_ROUNDER 0x1.8p52

HYDRA_INLINE uint64_t hydra_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

HYDRA_INLINE double hydra_double(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* e^x for -700 <= x <= 700. */
HYDRA_INLINE double hydra_exp(double x)
{
    const double shifted = x * 1.44269504088896338700 + HYDRA_ROUNDER;
    const double k = shifted - HYDRA_ROUNDER;
    const double high = x - k * 6.93147180369123816490e-01, low = k * 1.90821492927058770002e-10;
    const double r = high - low, t = r * r;
    const double c = r - t * (1.66666666666666019037e-01 + t * (-2.77777777770155933842e-03 +
                         t * (6.61375632143793436117e-05 + t * (-1.65339022054652515390e-06 +
                         t * 4.13813679705723846039e-08))));
    const double y = 1.0 - ((low - (r * c) / (2.0 - c)) - high);
    return y * hydra_double((hydra_bits(shifted) << 52) + (UINT64_C(1023) << 52)); /* y * 2^k */
}

/* The natural logarithm of a positive, finite, normal x. */
HYDRA_INLINE double hydra_log(double x)
{
    const uint64_t root_half = UINT64_C(0x3FE6A09E00000000); /* just below sqrt(1/2) */
    const uint64_t one_turn = UINT64_C(1024) << 52, bits = hydra_bits(x);
    const uint64_t turned = bits - root_half + one_turn; /* 1024 + k in the top bits */
    const uint64_t exponent = (turned & UINT64_C(0xFFF) << 52) - one_turn;
    const double k = hydra_double((turned >> 52) + hydra_bits(HYDRA_ROUNDER)) -
                     (HYDRA_ROUNDER + 1024.0);
    const double f = hydra_double(bits - exponent) - 1.0; /* x = 2^k * (1 + f) */
    const double half_square = 0.5 * f * f, s = f / (2.0 + f), z = s * s, w = z * z;
    const double even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 +
                        w * 1.531383769920937332e-01));
    const double odd = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01 +
                       w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
    return s * (half_square + (odd + even)) + k * 1.90821492927058770002e-10 - half_square + f +
           k * 6.93147180369123816490e-01;
}

/* A number centred in one of 2^52 equal cells of (-1/2, 1/2), by the top 52 bits of a word. */
HYDRA_INLINE double hydra_centred(uint64_t word)
{
    return (hydra_double(word >> 12 | UINT64_C(1023) << 52) - 1.5) + 0x1p-53;
}

#define HYDRA_POLY8(x, a, b, c, d, e, f, g, h) \
    (((((((a * x + b) * x + c) * x + d) * x + e) * x + f) * x + g) * x + h)

/* Where the middle of the quantile ends and its tails begin. */
#define HYDRA_MIDDLE 0.425

/* The normal quantile of 1/2 + q for |q| <= HYDRA_MIDDLE; a finite, meaningless number beyond. */
HYDRA_INLINE double hydra_quantile_middle(double q)
{
    const double r = 0.180625 - q * q;
    const double above = HYDRA_POLY8(r, 2.50908092873012267270e+3, 3.34305755835881281050e+4,
        6.72657709270087008530e+4, 4.59219539315498714570e+4, 1.37316937655094611250e+4,
        1.97159095030655144270e+3, 1.33141667891784377450e+2, 3.38713287279636660800e+0);
    const double below = HYDRA_POLY8(r, 5.22649527885285456100e+3, 2.87290857357219426740e+4,
        3.93078958000927106100e+4, 2.12137943015865958670e+4, 5.39419602142475110770e+3,
        6.87187007492057908300e+2, 4.23133307016009112520e+1, 1.0);
    return above * q / below;
}

/* sqrt(-log(1/2 - |q|)): how far out in the tail q is. */
HYDRA_INLINE double hydra_tail_root(double q)
{
    return __builtin_sqrt(-hydra_log(0.5 - __builtin_fabs(q)));
}

/* The normal quantile of 1/2 + q beyond the middle, given a root of at most 5: nearly always. */
HYDRA_INLINE double hydra_quantile_near(double q, double root)
{
    const double r = root - 1.6;
    const double above = HYDRA_POLY8(r, 7.74545014278341407640e-4, 2.27238449892691845833e-2,
        2.41780725177450611770e-1, 1.27045825245236838258e+0, 3.64784832476320460504e+0,
        5.76949722146069140550e+0, 4.63033784615654529590e+0, 1.42343711074968357734e+0);
    const double below = HYDRA_POLY8(r, 1.05075007164441684324e-9, 5.47593808499534494600e-4,
        1.51986665636164571966e-2, 1.48103976427480074590e-1, 6.89767334985100004550e-1,
        1.67638483018380384940e+0, 2.05319162663775882187e+0, 1.0);
    return __builtin_copysign(above / below, q);
}

/* The same given a root above 5. */
static inline double hydra_quantile_far(double q, double root)
{
    const double r = root - 5.0;
    const double above = HYDRA_POLY8(r, 2.01033439929228813265e-7, 2.71155556874348757815e-5,
        1.24266094738807843860e-3, 2.65321895265761230930e-2, 2.96560571828504891230e-1,
        1.78482653991729133580e+0, 5.46378491116411436990e+0, 6.65790464350110377720e+0);
    const double below = HYDRA_POLY8(r, 2.04426310338993978564e-15, 1.42151175831644588870e-7,
        1.84631831751005468180e-5, 7.86869131145613259100e-4, 1.48753612908506148525e-2,
        1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0);
    return __builtin_copysign(above / below, q);
}

/* The standard normal number of a word: the quantile of its cell's centre, |z| < 8.21. The
 * complement of a word gives exactly the negative.
 */
static inline double hydra_normal(uint64_t word)
{
    const double q = hydra_centred(word);
    if (__builtin_fabs(q) <= HYDRA_MIDDLE)
        return hydra_quantile_middle(q);
    const double root = hydra_tail_root(q);
    return root <= 5.0 ? hydra_quantile_near(q, root) : hydra_quantile_far(q, root);
}

enum { HYDRA_NORMALS_MAX = 256 };

/* hydra_normal of at most HYDRA_NORMALS_MAX words. All are computed as if in the middle, in
 * vectors; the 15 % that are not are listed without a branch and computed again, in vectors, too.
 */
HYDRA_INLINE void hydra_normals(const uint64_t *words, double *normals, int many)
{
    double q[HYDRA_NORMALS_MAX], roots[HYDRA_NORMALS_MAX];
    int at[HYDRA_NORMALS_MAX], tails = 0;
    for (int i = 0; i < many; i++)
        normals[i] = hydra_quantile_middle(hydra_centred(words[i]));
    for (int i = 0; i < many; i++) {
        q[tails] = hydra_centred(words[i]);
        at[tails] = i;
        tails += __builtin_fabs(q[tails]) > HYDRA_MIDDLE;
    }
    for (int i = 0; i < tails; i++)
        roots[i] = hydra_tail_root(q[i]);
    for (int i = 0; i < tails; i++)
        normals[at[i]] = __builtin_expect(roots[i] > 5.0, 0) ? hydra_quantile_far(q[i], roots[i])
                                                             : hydra_quantile_near(q[i], roots[i]);
}

#endif
