package org.diffusionsoup.core.lora;

import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * The closest matrix of a smaller rank (Eckart, Young), as a product of two factors.
 *
 * <p>A product of thin factors is decomposed exactly: orthonormal bases of both (Gram, Schmidt,
 * twice), then the singular values of the small core between them by one-sided Jacobi rotations
 * (Hestenes). A large matrix is brought to such a product by a randomized range finder with
 * subspace iterations (Halko, Martinsson, Tropp, 2011, algorithm 4.4), whose random numbers are
 * always the same.
 */
final class TruncatedSvd {
    /** Sides up to which a matrix is decomposed as it is. */
    private static final int SMALL = 96;

    private static final int OVERSAMPLING = 16;
    private static final int ITERATIONS = 6;
    private static final int MOST_SWEEPS = 60;
    private static final double PRECISION = 1e-15;

    private TruncatedSvd() {}

    /**
     * Two factors whose product is close to a matrix.
     *
     * @param up {@code rows x rank}
     * @param down {@code rank x columns}
     */
    record Factors(Matrix up, Matrix down) {}

    /** The closest product of a rank to a matrix. */
    static Factors of(Matrix a, int rank) {
        int side = Math.min(a.rows(), a.columns());
        if (side <= SMALL || rank + OVERSAMPLING >= side) {
            return a.columns() <= a.rows()
                    ? ofProduct(a, identity(a.columns()), rank)
                    : ofProduct(identity(a.rows()), a, rank);
        }
        SplittableRandom random = new SplittableRandom(0x50D5);
        Matrix basis = Matrix.zero(a.columns(), rank + OVERSAMPLING);
        for (int i = 0; i < basis.values().length; i++) {
            basis.values()[i] = random.nextGaussian();
        }
        Matrix turned = a.transposed();
        for (int i = 0; i < ITERATIONS; i++) {
            basis = orthonormal(turned.times(orthonormal(a.times(basis))));
        }
        Matrix q = orthonormal(a.times(basis));
        return ofProduct(q, q.transposed().times(a), rank);
    }

    private static Matrix identity(int n) {
        Matrix out = Matrix.zero(n, n);
        for (int i = 0; i < n; i++) {
            out.values()[i * n + i] = 1;
        }
        return out;
    }

    private static Matrix orthonormal(Matrix a) {
        return Qr.of(a).q().transposed();
    }

    /** The closest product of a rank to {@code left @ right}, whose inner side is small. */
    static Factors ofProduct(Matrix left, Matrix right, int rank) {
        Qr l = Qr.of(left);
        Qr r = Qr.of(right.transposed());
        Core core = Core.of(l.r().times(r.r().transposed()));
        int kept = Math.min(rank, core.rank());
        Matrix up = Matrix.zero(left.rows(), kept);
        Matrix down = Matrix.zero(kept, right.columns());
        for (int k = 0; k < kept; k++) {
            double root = Math.sqrt(core.values[k]);
            for (int j = 0; j < core.values.length; j++) {
                double u = root * core.left.at(k, j);
                double v = root * core.right.at(k, j);
                for (int i = 0; i < left.rows(); i++) {
                    up.values()[i * kept + k] += u * l.q().at(j, i);
                }
                for (int i = 0; i < right.columns(); i++) {
                    down.values()[k * down.columns() + i] += v * r.q().at(j, i);
                }
            }
        }
        return new Factors(up, down);
    }

    /**
     * An orthonormal basis of a matrix's columns.
     *
     * @param q its vectors as rows; zero where a column depends on those before it
     * @param r with {@code a = q^T r}
     */
    private record Qr(Matrix q, Matrix r) {
        static Qr of(Matrix a) {
            Matrix q = a.transposed();
            int n = q.rows();
            int length = q.columns();
            Matrix r = Matrix.zero(n, n);
            for (int j = 0; j < n; j++) {
                double before = Math.sqrt(dot(q, j, j));
                for (int pass = 0; pass < 2; pass++) {
                    for (int i = 0; i < j; i++) {
                        double along = dot(q, i, j);
                        r.values()[i * n + j] += along;
                        add(q, j, -along, i);
                    }
                }
                double norm = Math.sqrt(dot(q, j, j));
                boolean depends = norm <= PRECISION * length * before;
                r.values()[j * n + j] = depends ? 0 : norm;
                for (int k = 0; k < length; k++) {
                    q.values()[j * length + k] = depends ? 0 : q.at(j, k) / norm;
                }
            }
            return new Qr(q, r);
        }
    }

    /** Singular values of a small square matrix, the largest first, with their vectors as rows. */
    @SuppressWarnings("ArrayRecordComponent") // internal
    private record Core(double[] values, Matrix left, Matrix right) {
        /** How many values are not mere rounding; 1 or more. */
        int rank() {
            int n = 1;
            while (n < values.length && values[n] > PRECISION * values.length * values[0]) {
                n++;
            }
            return n;
        }

        static Core of(Matrix c) {
            Matrix columns = c.transposed();
            int n = columns.rows();
            Matrix right = identity(n);
            boolean moved = true;
            for (int sweep = 0; moved && sweep < MOST_SWEEPS; sweep++) {
                moved = false;
                for (int p = 0; p < n - 1; p++) {
                    for (int q = p + 1; q < n; q++) {
                        moved |= rotate(columns, right, p, q);
                    }
                }
            }
            double[] norms =
                    IntStream.range(0, n).mapToDouble(i -> Math.sqrt(dot(columns, i, i))).toArray();
            int[] order =
                    IntStream.range(0, n)
                            .boxed()
                            .sorted(Comparator.comparingDouble((Integer i) -> -norms[i]))
                            .mapToInt(Integer::intValue)
                            .toArray();
            double[] values = new double[n];
            Matrix left = Matrix.zero(n, n);
            Matrix sorted = Matrix.zero(n, n);
            for (int k = 0; k < n; k++) {
                double norm = norms[order[k]];
                values[k] = norm;
                for (int i = 0; i < n; i++) {
                    left.values()[k * n + i] = norm == 0 ? 0 : columns.at(order[k], i) / norm;
                    sorted.values()[k * n + i] = right.at(order[k], i);
                }
            }
            return new Core(values, left, sorted);
        }

        private static boolean rotate(Matrix columns, Matrix right, int p, int q) {
            double pp = dot(columns, p, p);
            double qq = dot(columns, q, q);
            double pq = dot(columns, p, q);
            if (pq == 0 || Math.abs(pq) <= PRECISION * Math.sqrt(pp * qq)) {
                return false;
            }
            double zeta = (qq - pp) / (2 * pq);
            double t = Math.copySign(1, zeta) / (Math.abs(zeta) + Math.hypot(1, zeta));
            double cos = 1 / Math.hypot(1, t);
            turn(columns, p, q, cos, cos * t);
            turn(right, p, q, cos, cos * t);
            return true;
        }

        private static void turn(Matrix m, int p, int q, double cos, double sin) {
            int n = m.columns();
            for (int i = 0; i < n; i++) {
                double a = m.at(p, i);
                double b = m.at(q, i);
                m.values()[p * n + i] = cos * a - sin * b;
                m.values()[q * n + i] = sin * a + cos * b;
            }
        }
    }

    private static double dot(Matrix rows, int a, int b) {
        double sum = 0;
        for (int i = 0; i < rows.columns(); i++) {
            sum += rows.at(a, i) * rows.at(b, i);
        }
        return sum;
    }

    private static void add(Matrix rows, int to, double factor, int from) {
        int n = rows.columns();
        for (int i = 0; i < n; i++) {
            rows.values()[to * n + i] += factor * rows.at(from, i);
        }
    }
}
