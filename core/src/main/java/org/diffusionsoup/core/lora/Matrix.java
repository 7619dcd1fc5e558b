package org.diffusionsoup.core.lora;

/**
 * A tensor of doubles seen as a matrix: its first axis by all others, row major.
 *
 * @param values {@code rows * columns} of them, not copied
 */
@SuppressWarnings("ArrayRecordComponent") // internal, and large
record Matrix(double[] values, int rows, int columns) {
    Matrix {
        if (values.length != Math.multiplyExact(rows, columns)) {
            throw new IllegalArgumentException(
                    values.length + " values for " + rows + " x " + columns);
        }
    }

    static Matrix zero(int rows, int columns) {
        return new Matrix(new double[Math.multiplyExact(rows, columns)], rows, columns);
    }

    double at(int row, int column) {
        return values[row * columns + column];
    }

    /** The matrix product; sums run over this one's columns in their order. */
    Matrix times(Matrix other) {
        Matrix out = zero(rows, other.columns);
        for (int i = 0; i < rows; i++) {
            int to = i * other.columns;
            for (int k = 0; k < columns; k++) {
                addRow(out.values, to, values[i * columns + k], other, k);
            }
        }
        return out;
    }

    private static void addRow(double[] out, int to, double factor, Matrix of, int row) {
        int from = row * of.columns;
        for (int j = 0; j < of.columns; j++) {
            out[to + j] += factor * of.values[from + j];
        }
    }

    Matrix transposed() {
        Matrix out = zero(columns, rows);
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                out.values[j * rows + i] = values[i * columns + j];
            }
        }
        return out;
    }

    /** Element by element. */
    Matrix hadamard(Matrix other) {
        Matrix out = zero(rows, columns);
        for (int i = 0; i < values.length; i++) {
            out.values[i] = values[i] * other.values[i];
        }
        return out;
    }

    /** The Kronecker product; where the other is a kernel, its window stays innermost. */
    Matrix kronecker(Matrix other) {
        Matrix out =
                zero(
                        Math.multiplyExact(rows, other.rows),
                        Math.multiplyExact(columns, other.columns));
        for (int i = 0; i < rows; i++) {
            for (int p = 0; p < other.rows; p++) {
                int to = (i * other.rows + p) * out.columns;
                for (int j = 0; j < columns; j++) {
                    double a = at(i, j);
                    for (int q = 0; q < other.columns; q++) {
                        out.values[to + j * other.columns + q] = a * other.at(p, q);
                    }
                }
            }
        }
        return out;
    }

    Matrix scaled(double factor) {
        Matrix out = zero(rows, columns);
        for (int i = 0; i < values.length; i++) {
            out.values[i] = values[i] * factor;
        }
        return out;
    }

    /** Square root of the sum of squares. */
    double norm() {
        double sum = 0;
        for (double v : values) {
            sum += v * v;
        }
        return Math.sqrt(sum);
    }
}
