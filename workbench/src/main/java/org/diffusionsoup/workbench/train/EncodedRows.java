package org.diffusionsoup.workbench.train;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.diffusion.clip.ClipTextModel;
import org.diffusionsoup.diffusion.model.StableDiffusion;
import org.diffusionsoup.diffusion.pipeline.Conditioning;
import org.diffusionsoup.diffusion.text.ClipTokenizer;
import org.diffusionsoup.diffusion.torch.Scope;
import org.diffusionsoup.diffusion.torch.Tensor;
import org.diffusionsoup.diffusion.torch.Torch;
import org.diffusionsoup.diffusion.train.LatentSet;
import org.diffusionsoup.diffusion.train.PictureSet;
import org.diffusionsoup.diffusion.vae.AutoencoderKL;
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

    private final Tensor latents;
    private final Texts texts;
    private final int[][] captions;
    private final int[][] ids;
    private final int factor;

    /**
     * Embeddings of captions.
     *
     * @param hidden (captions, tokens, width)
     * @param pooled SDXL's (captions, D), empty for others
     */
    private record Texts(Tensor hidden, Optional<Tensor> pooled) {}

    private EncodedRows(Tensor latents, Texts texts, int[][] captions, int[][] ids, int factor) {
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
        Map<String, Integer> index = new LinkedHashMap<>();
        index.put("", 0); // the empty caption, for guidance
        List<int[]> captions = new ArrayList<>();
        int rows = shards.stream().mapToInt(Shard::size).sum();
        progress.start("encode pictures", rows, "images");
        List<Tensor> parts = new ArrayList<>();
        try (Torch.Guard off = Torch.gradients(false)) {
            for (Shard shard : shards) {
                for (int from = 0; from < shard.size(); from += CHUNK) {
                    int count = Math.min(CHUNK, shard.size() - from);
                    parts.add(latents(model, shard, from, count));
                    requireSameSize(parts, model, shard);
                    progress.advance(count);
                }
                for (SampleInfo row : shard.infos()) {
                    captions.add(
                            captionsOf(row).stream()
                                    .mapToInt(c -> index.computeIfAbsent(c, unused -> index.size()))
                                    .toArray());
                }
            }
            List<String> prompts = List.copyOf(index.keySet());
            Texts texts = texts(model, prompts);
            int[][] ids = prompts.stream().map(model.tokenizer()::encode).toArray(int[][]::new);
            return new EncodedRows(
                    join(parts),
                    texts,
                    captions.toArray(new int[0][]),
                    ids,
                    model.vae().config().downFactor());
        }
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
                throw new SoupException(
                        "row "
                                + shard.infos().get(from + i).key()
                                + " of shard "
                                + shard.name()
                                + " is "
                                + image.width()
                                + "×"
                                + image.height()
                                + ", the rows before it "
                                + width
                                + "×"
                                + height
                                + "; import the pictures at one `size`.");
            }
            pixels[i] = image.pixels();
            width = image.width();
            height = image.height();
        }
        return new PictureSet(pixels, width, height);
    }

    /** Several chunks, or shards, are one set of latents only if they have one size. */
    private static void requireSameSize(List<Tensor> parts, StableDiffusion model, Shard shard) {
        Tensor first = parts.getFirst();
        Tensor last = parts.getLast();
        if (first.size(2) != last.size(2) || first.size(3) != last.size(3)) {
            int factor = model.vae().config().downFactor();
            throw new SoupException(
                    "pictures of shard %s are %d×%d, those before them %d×%d; import the pictures at one `size`."
                            .formatted(
                                    shard.name(),
                                    last.size(3) * factor,
                                    last.size(2) * factor,
                                    first.size(3) * factor,
                                    first.size(2) * factor));
        }
    }

    /**
     * Some rows of a shard as latents of a model, see {@link #latents(AutoencoderKL, PictureSet)}.
     *
     * @throws SoupException if the pictures differ in size, or it does not suit the model: its
     *     autoencoder and each level of its UNet but the last divide the sides
     */
    public static Tensor latents(StableDiffusion model, Shard shard, int from, int count) {
        PictureSet pictures = pictures(shard, from, count);
        int levels = model.unet().config().blockOutChannels().size();
        int divisor = model.vae().config().downFactor() << (levels - 1);
        if (pictures.width() % divisor != 0 || pictures.height() % divisor != 0) {
            throw new SoupException(
                    "picture %s of shard %s is %d×%d; %s needs sides divisible by %d, import the pictures at another `size`."
                            .formatted(
                                    shard.infos().get(from).key(),
                                    shard.name(),
                                    pictures.width(),
                                    pictures.height(),
                                    model.folder(),
                                    divisor));
        }
        return latents(model.vae(), pictures);
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

    private static Texts texts(StableDiffusion model, List<String> prompts) {
        if (model.second().isEmpty()) {
            Tensor hidden = texts(model.textEncoder(), model.tokenizer(), prompts);
            return new Texts(hidden, Optional.empty());
        }
        List<Tensor> hidden = new ArrayList<>();
        List<Tensor> pooled = new ArrayList<>();
        for (int from = 0; from < prompts.size(); from += CHUNK) {
            List<String> some = prompts.subList(from, Math.min(from + CHUNK, prompts.size()));
            try (Scope s = Scope.open()) {
                Conditioning c = Conditioning.of(model, some);
                hidden.add(c.text().contiguous().keep());
                pooled.add(c.added().orElseThrow().pooledText().contiguous().keep());
            }
        }
        Texts all = new Texts(join(hidden), Optional.of(join(pooled)));
        if (model.second().get().zerosWithoutPrompt()) {
            // What the model is drawn from without a prompt is what it should meet without a
            // caption.
            try (Scope s = Scope.open()) {
                all.hidden.select(0, 0).zero_();
                all.pooled.orElseThrow().select(0, 0).zero_();
            }
        }
        return all;
    }

    private static Tensor texts(ClipTextModel text, ClipTokenizer tokenizer, List<String> prompts) {
        List<Tensor> parts = new ArrayList<>();
        for (int from = 0; from < prompts.size(); from += CHUNK) {
            List<String> some = prompts.subList(from, Math.min(from + CHUNK, prompts.size()));
            int[][] ids = some.stream().map(tokenizer::encode).toArray(int[][]::new);
            try (Scope s = Scope.open()) {
                parts.add(text.forward(Tensor.ofRows(ids)).lastHiddenState().keep());
            }
        }
        return join(parts);
    }

    private static Tensor join(List<Tensor> parts) {
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
        long height = latents.size(2) * factor;
        long width = latents.size(3) * factor;
        if (width == side && height == side) {
            return List.of();
        }
        return List.of(
                "The pictures are %d×%d pixels, the base was trained on %d×%d: it learns another size than it draws; import the pictures with `size` %d."
                        .formatted(width, height, side, side, side));
    }

    /** What the denoising objective draws from; valid until this is closed. */
    public LatentSet latents() {
        int height = (int) latents.size(2) * factor;
        int width = (int) latents.size(3) * factor;
        Optional<LatentSet.Added> added =
                texts.pooled.map(p -> new LatentSet.Added(p, height, width));
        return new LatentSet(latents, texts.hidden, captions, 0, added);
    }

    /** Token ids of every distinct caption, in the order of the latent set's embeddings. */
    public int[][] captionIds() {
        return ids.clone();
    }

    @Override
    public void close() {
        latents.release();
        texts.hidden.release();
        texts.pooled.ifPresent(Tensor::release);
    }
}
