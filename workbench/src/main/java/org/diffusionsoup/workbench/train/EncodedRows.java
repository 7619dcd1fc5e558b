package org.diffusionsoup.workbench.train;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.LatentSet;
import org.diffusionsoup.diffusion.train.PictureSet;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
import org.diffusionsoup.image.PictureSize;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;

/**
 * The rows of some shards as the UNet sees them: latents (means of the encoder's distribution,
 * scaled) and text embeddings, encoded once before training. Closing frees them.
 */
public final class EncodedRows implements AutoCloseable {
    private static final int CHUNK = 32;

    /** Pixels of a chunk: pictures above 128×128 are encoded fewer at a time. */
    private static final int CHUNK_PIXELS = CHUNK * 128 * 128;

    private final List<Tensor> latents;
    private final Optional<BucketPlan> plan;
    private final EncodedTexts texts;
    private final int[][] captions;
    private final int[][] ids;
    private final int factor;

    private EncodedRows(
            List<Tensor> latents,
            Optional<BucketPlan> plan,
            EncodedTexts texts,
            int[][] captions,
            int[][] ids,
            int factor) {
        this.plan = plan;
        this.factor = factor;
        this.ids = ids;
        this.latents = latents;
        this.texts = texts;
        this.captions = captions;
    }

    /**
     * Encodes all rows of the shards with a model's autoencoder and text encoder.
     *
     * @throws SoupException if the pictures differ in size, or it does not suit the model
     */
    public static EncodedRows encode(StableDiffusion model, List<Shard> shards, Progress progress) {
        return encode(model, shards, Optional.empty(), progress);
    }

    /**
     * As above, with each picture at its bucket's size.
     *
     * @param plan of these shards; empty to take the pictures as they are
     * @throws SoupException if the pictures, or the buckets, do not suit the model
     */
    public static EncodedRows encode(
            StableDiffusion model,
            List<Shard> shards,
            Optional<BucketPlan> plan,
            Progress progress) {
        Map<String, Integer> index = new LinkedHashMap<>();
        index.put("", 0); // the empty caption, for guidance
        List<int[]> captions = new ArrayList<>();
        int rows = shards.stream().mapToInt(Shard::size).sum();
        progress.start("encode pictures", rows, "images");
        try (Torch.Guard off = Torch.gradients(false)) {
            List<Tensor> latents =
                    plan.isPresent()
                            ? latents(model, plan.get(), progress)
                            : List.of(latents(model, shards, progress));
            for (Shard shard : shards) {
                for (SampleInfo row : shard.infos()) {
                    captions.add(
                            captionsOf(row).stream()
                                    .mapToInt(c -> index.computeIfAbsent(c, unused -> index.size()))
                                    .toArray());
                }
            }
            List<String> prompts = List.copyOf(index.keySet());
            tellCut(model, shards, progress);
            EncodedTexts texts = EncodedTexts.of(model, prompts);
            int[][] ids = prompts.stream().map(model.tokenizer()::encode).toArray(int[][]::new);
            return new EncodedRows(
                    latents,
                    plan,
                    texts,
                    captions.toArray(new int[0][]),
                    ids,
                    model.vae().config().downFactor());
        }
    }

    /** Long captions are common, and what comes after the text encoder's window teaches nothing. */
    private static void tellCut(StableDiffusion model, List<Shard> shards, Progress progress) {
        List<SampleInfo> cut = cut(model, shards.stream().flatMap(s -> s.infos().stream()));
        if (!cut.isEmpty()) {
            int rows = shards.stream().mapToInt(Shard::size).sum();
            progress.tell(
                    "%d of %s %s longer than the %d tokens that the text encoder reads (the first is row %s's): what comes after those is not trained on."
                            .formatted(
                                    cut.size(),
                                    Plural.of(rows, "caption"),
                                    cut.size() == 1 ? "is" : "are",
                                    model.tokenizer().modelMaxLength(),
                                    cut.getFirst().key()));
        }
    }

    /** The rows of whose captions a model's text encoder reads only the beginning. */
    public static List<SampleInfo> cut(StableDiffusion model, Stream<SampleInfo> rows) {
        ClipTokenizer tokenizer = model.tokenizer();
        int length = tokenizer.modelMaxLength(); // a longer one than the encoder's is refused
        return rows.filter(i -> tokenizer.reading(i.caption(), length).isCut()).toList();
    }

    private static Tensor latents(StableDiffusion model, List<Shard> shards, Progress progress) {
        List<Tensor> parts = new ArrayList<>();
        Optional<PictureSize> all = Optional.empty();
        for (Shard shard : shards) {
            for (int from = 0; from < shard.size(); from += CHUNK) {
                int count = Math.min(CHUNK, shard.size() - from);
                PictureSet pictures = pictures(shard, from, count);
                PictureSize size = size(pictures);
                // Several chunks, or shards, are one set of latents.
                RowSizes.requireSame(shard, from, size, all.orElse(size));
                all = Optional.of(size);
                parts.add(latents(model, shard, from, pictures));
                progress.advance(count);
            }
        }
        return join(parts);
    }

    /** One tensor for each bucket. */
    private static List<Tensor> latents(StableDiffusion model, BucketPlan plan, Progress progress) {
        RowSizes.require(plan.rule(), model.folder(), divisor(model));
        List<Tensor> latents = new ArrayList<>();
        for (PictureSize bucket : plan.sizes()) {
            List<BucketPlan.Row> rows = plan.of(bucket);
            List<Tensor> parts = new ArrayList<>();
            for (int from = 0; from < rows.size(); from += CHUNK) {
                List<BucketPlan.Row> some = rows.subList(from, Math.min(from + CHUNK, rows.size()));
                byte[][] pixels =
                        some.stream().map(r -> r.picture().pixels()).toArray(byte[][]::new);
                parts.add(
                        latents(
                                model.vae(),
                                new PictureSet(pixels, bucket.width(), bucket.height())));
                progress.advance(some.size());
            }
            latents.add(join(parts));
        }
        return latents;
    }

    private static int divisor(StableDiffusion model) {
        return RowSizes.divisor(model.vae().config(), model.unet().config());
    }

    /** The captions a model may meet for a row: the whole one, and "style name". */
    public static List<String> captionsOf(SampleInfo row) {
        return row.prompt().equals(row.caption())
                ? List.of(row.caption())
                : List.of(row.caption(), row.prompt());
    }

    /** The decoded pictures of a shard, which must all have one size. */
    public static PictureSet pictures(Shard shard, int from, int count) {
        byte[][] pixels = new byte[count][];
        int width = 0;
        int height = 0;
        for (int i = 0; i < count; i++) {
            RgbImage image = shard.get(from + i).image();
            if (i > 0 && (image.width() != width || image.height() != height)) {
                throw RowSizes.differing(
                        shard,
                        shard.infos().get(from + i),
                        new PictureSize(image.width(), image.height()),
                        new PictureSize(width, height));
            }
            pixels[i] = image.pixels();
            width = image.width();
            height = image.height();
        }
        return new PictureSet(pixels, width, height);
    }

    /**
     * Some rows of a shard as latents of a model, see {@link #latents(AutoencoderKL, PictureSet)}.
     *
     * @throws SoupException if the pictures differ in size, or it does not suit the model: its
     *     autoencoder and each level of its UNet but the last divide the sides
     */
    public static Tensor latents(StableDiffusion model, Shard shard, int from, int count) {
        return latents(model, shard, from, pictures(shard, from, count));
    }

    private static Tensor latents(
            StableDiffusion model, Shard shard, int from, PictureSet pictures) {
        RowSizes.require(
                size(pictures), shard, shard.infos().get(from), model.folder(), divisor(model));
        return latents(model.vae(), pictures);
    }

    private static PictureSize size(PictureSet pictures) {
        return new PictureSize(pictures.width(), pictures.height());
    }

    /**
     * Pictures as latents: the means of the encoder's distribution, scaled; without gradients, a
     * few pictures at a time.
     *
     * @param pictures with sides that suit the autoencoder
     * @return (count, C, h, w), float32; the caller releases it
     */
    public static Tensor latents(AutoencoderKL vae, PictureSet pictures) {
        List<Tensor> parts = new ArrayList<>();
        try (Torch.Guard off = Torch.gradients(false)) {
            long pixels = (long) pictures.width() * pictures.height();
            int chunk = (int) Math.clamp(CHUNK_PIXELS / pixels, 1, CHUNK);
            for (int from = 0; from < pictures.count(); from += chunk) {
                int to = Math.min(from + chunk, pictures.count());
                try (Scope s = Scope.open()) {
                    parts.add(
                            vae.encode(pictures.batch(IntStream.range(from, to).toArray()))
                                    .mean()
                                    .mul(vae.config().scalingFactor())
                                    .contiguous()
                                    .keep());
                }
            }
            return join(parts);
        }
    }

    static Tensor join(List<Tensor> parts) {
        if (parts.size() == 1) {
            return parts.getFirst();
        }
        Tensor all;
        try (Scope s = Scope.open()) {
            all = Tensor.cat(parts, 0).keep();
        }
        parts.forEach(Tensor::release);
        return all;
    }

    /** Number of pictures. */
    public int rows() {
        return captions.length;
    }

    /**
     * Whether the pictures' size is not the base's own.
     *
     * @param base the model that encoded them
     * @return a sentence, or none
     */
    public List<String> notes(StableDiffusion base) {
        int factor = base.vae().config().downFactor();
        int side = base.unet().config().sampleSize() * factor;
        if (plan.isPresent()) {
            int resolution = plan.get().rule().resolution();
            return resolution == side
                    ? List.of()
                    : List.of(
                            "The buckets are of %d×%d pixels, the base was trained on %d×%d: it learns another size than it draws."
                                    .formatted(resolution, resolution, side, side));
        }
        long height = latents.getFirst().size(2) * factor;
        long width = latents.getFirst().size(3) * factor;
        if (width == side && height == side) {
            return List.of();
        }
        return List.of(
                "The pictures are %d×%d pixels, the base was trained on %d×%d: it learns another size than it draws; import the pictures with `size` %d."
                        .formatted(width, height, side, side, side));
    }

    /** What the denoising objective draws from; valid until this is closed. */
    public LatentSet latents() {
        Optional<LatentSet.Added> added = texts.pooled().map(this::added);
        return new LatentSet(
                latents, plan.map(BucketPlan::bucketOf), texts.hidden(), captions, 0, added);
    }

    private LatentSet.Added added(Tensor pooled) {
        if (plan.isPresent()) {
            float[][] sizes =
                    plan.get().rows().stream()
                            .map(r -> r.fit().conditioning())
                            .toArray(float[][]::new);
            return new LatentSet.Added(pooled, sizes);
        }
        int height = (int) latents.getFirst().size(2) * factor;
        int width = (int) latents.getFirst().size(3) * factor;
        return LatentSet.Added.whole(pooled, captions.length, height, width);
    }

    /** Token ids of every distinct caption, in the order of the latent set's embeddings. */
    public int[][] captionIds() {
        return ids.clone();
    }

    @Override
    public void close() {
        latents.forEach(Tensor::release);
        texts.release();
    }
}
